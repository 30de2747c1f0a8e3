"""The service on Milvus, over HTTP: server and worker are two processes, and Milvus is a third."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.milvus import milvus_server
from tests.support.service import running_service

pytestmark = pytest.mark.milvus


def test_a_service_on_milvus_answers_and_forgets_what_is_deleted_and_what_was_reindexed(tmp_path: Path) -> None:
    with (
        milvus_server(tmp_path / "milvus") as uri,
        running_service(tmp_path / "data", index="milvus", milvus_uri=uri, generation_keep_s="0") as service,
    ):
        service.create_collection("handbook")
        fed = service.feed(
            "handbook",
            {
                "leave.txt": b"Employees get 27 days of annual leave.",
                "网络.txt": "访客的无线网络密码每周一更换。".encode(),
            },
        )
        assert fed["state"] == "succeeded", fed
        with service.client() as client:
            body = {
                "collection": "handbook",
                "question": "How many days of annual leave do employees get?",
                "stream": False,
            }
            answer = client.post("/v1/answers", json=body).json()
            assert "27 days" in answer["text"]
            assert answer["sources"][0]["document_id"] == "leave.txt"
            (hit, *_) = service.search("handbook", "无线网络密码", mode="lexical")
            assert hit["document_id"] == "网络.txt"
            job = client.post(
                "/v1/admin/reindex", json={"collection": "handbook", "chunk_target_tokens": 40}
            ).json()
            assert service.wait_for_job(job["id"])["state"] == "succeeded"
            assert service.search("handbook", "annual leave")[0]["document_id"] == "leave.txt"
            assert client.delete("/v1/collections/handbook/documents/leave.txt").status_code == 204
        assert "leave.txt" not in {hit["document_id"] for hit in service.search("handbook", "annual leave")}
        assert held_by(uri, 1) == ["ragstone_2_passages", "ragstone_2_terms"]


def held_by(uri: str, fewer_than: int) -> list[str]:
    """Return the collections that are left once the replaced generation's are gone."""
    from pymilvus import MilvusClient

    client = MilvusClient(uri)
    deadline = time.monotonic() + 90  # an idle worker tidies once a minute
    while len(names := sorted(client.list_collections())) > 2 * fewer_than and time.monotonic() < deadline:
        time.sleep(0.5)
    client.close()
    return names
