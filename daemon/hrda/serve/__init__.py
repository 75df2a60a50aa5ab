"""One model over HTTP: an engine that knows no HTTP, and a face of it that knows no torch.

engine.py          pictures -> predictions, one at a time, in a thread of its own
work_queue.py      requests wait for it: bounded in number and in time
answers.py         predictions -> PNG, run lengths of COCO, probabilities
posted_pictures.py bodies of requests -> pictures' bytes, within the limits
bearer_token.py    the token, and hosts that a page of others cannot pretend to be
request_errors.py  errors as JSON
http_app.py        addresses and status codes
model_server.py    the socket, and a stop that answers what has come in
serve_model.py     the verb `serve`
"""
