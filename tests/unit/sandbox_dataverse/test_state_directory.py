"""What a state directory brings back besides rows: custom tables and the indexes of their keys."""

from pathlib import Path

from dataverse_talk import Talk

from crosswalk_sandbox.services.dataverse.app import Options, Server


def talk_in(directory: Path) -> Talk:
    return Talk(Server(Options("tenant", "client", "secret", limits="off", state=directory)))


def test_custom_tables_and_keys_come_back(tmp_path: Path) -> None:
    """A row is found by its alternate key in the next process, children are known, and a taken value is refused."""
    talk = talk_in(tmp_path)
    talk.table("new_Visit", "new_Source", key="new_Source")
    account = talk.made("accounts", name="A")
    talk.made("contacts", lastname="child", **{"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    talk.made("new_visits", new_name="one", new_source="P-1")
    talk.server.close()
    later = talk_in(tmp_path)
    assert later.done("GET", "new_visits(new_source='P-1')")["new_name"] == "one"
    assert later.refusal("POST", "new_visits", {"new_source": "P-1"}) == (412, "0x80060892")
    later.done("DELETE", f"accounts({account})")
    assert "child" not in later.names("contacts", "lastname")
    assert later.server.organization.people.application == talk.server.organization.people.application
    later.server.close()


def test_a_refused_changeset_leaves_no_trace_on_disk(tmp_path: Path) -> None:
    """What was taken back in memory is not kept either."""
    talk = talk_in(tmp_path)
    before = talk.names("contacts", "lastname")
    kind = "Microsoft.Dynamics.CRM.contact"
    rows = [{"@odata.type": kind, "lastname": "a"}, {"@odata.type": kind, "lastname": "b" * 99}]
    talk.refusal("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": rows})
    talk.server.close()
    assert talk_in(tmp_path).names("contacts", "lastname") == before
