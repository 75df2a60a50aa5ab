"""Who people are and what they have begun, on the fake and on the real Label Studio."""

from __future__ import annotations

from tests.contract.rigs import LabelStudioRig


def test_who_has_begun_a_task_is_known_by_name(any_tool: LabelStudioRig) -> None:
    any_tool.push(any_tool.keys[:3])
    ada = any_tool.person("ada")
    begun = any_tool.taken("ada").task
    draft = {"result": [], "lead_time": 1.0}
    ada._call("POST", f"/api/tasks/{begun}/drafts", json=draft)

    found = any_tool.connector.drafts([str(begun), str(begun + 1), "none#7"])
    people = any_tool.connector.people()

    assert [draft.task for draft in found] == [str(begun)]
    assert "ada" in people[found[0].annotator].lower()
