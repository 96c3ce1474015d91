"""What programs do and read with a token."""

from tests.adapters.web.office import Office


def test_a_program_acts_with_its_token_and_needs_no_form(asking: Office) -> None:
    path = f"/api/v1/interruptions/{asking.rows['arrives']}/actions"
    for token, status in (("program", 200), ("else", 401)):
        headers = {"authorization": f"Bearer {token}"}
        assert asking.client.post(path, json={"verb": "acknowledge"}, headers=headers).status_code == status
    assert asking.done == [("acknowledge", "robot")]


def test_programs_read_interruptions_their_audit_and_why_people_were_told() -> None:
    office = Office()
    office.act("acknowledge")
    api = "/api/v1/interruptions"
    rows = office.client.get(api).json()
    assert {row["moment"] for row in rows} == {"arrives", "leaves"}
    one = office.client.get(f"{api}/{office.rows['arrives']}").json()
    assert one["handling"]["acknowledged_by"] == "somebody here"
    assert [row["verb"] for row in office.client.get(f"{api}/{one['id']}/actions").json()] == ["acknowledge"]
    assert office.client.get(f"{api}/{one['id']}/decisions").json() == []
    assert office.client.get(api, params={"moment": "leaves", "open_only": True}).json()[0]["moment"] == "leaves"
    assert office.client.get(f"{api}/nothing").status_code == 404
    assert office.client.get(api, params={"limit": 501}).status_code == 422


def test_programs_read_the_recovery_list_by_role_and_each_look_is_in_the_audit(asking: Office) -> None:
    identity = asking.rows["arrives"]
    path = f"/api/v1/interruptions/{identity}"
    assert asking.client.get(f"{path}/customers").status_code == 401
    headers = {"authorization": "Bearer program"}
    csv = asking.client.get(f"{path}/customers", params={"format": "csv"}, headers=headers)
    assert csv.status_code == 200
    assert csv.text.splitlines()[0].lstrip("\ufeff").startswith("customer,promises_broken,value")
    assert asking.client.get("/api/v1/interruptions/nothing/customers", headers=headers).status_code == 404
    wrong = asking.client.post(f"{path}/contacts", json={"customers": ["eve"], "state": "contacted"}, headers=headers)
    assert (wrong.status_code, "1 of 1 were not hit" in wrong.json()["detail"]) == (422, True)
    [entry] = asking.store.audit()
    assert (entry.by, entry.what, entry.subject) == ("robot", "exported", identity)


def test_everything_that_programs_can_do_is_described() -> None:
    described = Office().client.get("/openapi.json").json()["paths"]
    assert {path for path in described if path.startswith("/api/")} == {
        "/api/v1/interruptions",
        "/api/v1/interruptions/{identity}",
        "/api/v1/interruptions/{identity}/actions",
        "/api/v1/interruptions/{identity}/contacts",
        "/api/v1/interruptions/{identity}/customers",
        "/api/v1/interruptions/{identity}/decisions",
        "/api/v1/decisions",
        "/api/v1/silences",
        "/api/v1/silences/{identity}/end",
    }
