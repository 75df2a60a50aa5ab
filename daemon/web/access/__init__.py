"""Who is looking at a page, what they may see and do, and which requests are refused.

`gate.py` looks at every request; `sessions.py` turns tokens into sessions; `people.py` keeps the
names of people from those who are no leads. daemon/web/README.md says how it works.
"""
