"""One running Patroni, as etcd sees it: its own class for etcd, which writes and reads when it is told to.

patroni_client.py HOST:PORT FOLDER, with ca.crt, admin.crt and admin.key in FOLDER. Each line that comes in is written and read
back; the answer is `ok CLUSTER TERM` or `failed WHY`. Owns nothing of the cluster. Start reading at `answer`.
"""
import json
import logging
import sys

from patroni.dcs.etcd3 import Etcd3
from patroni.postgresql.mpp import get_mpp

logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def connect(address, folder):
    settings = {
        "hosts": address, "protocol": "https",
        "cacert": f"{folder}/ca.crt", "cert": f"{folder}/admin.crt", "key": f"{folder}/admin.key",
        "namespace": "/service/", "scope": "demo", "name": "demo-1",
        "ttl": 30, "loop_wait": 10, "retry_timeout": 3,
    }
    return Etcd3(settings, get_mpp({}))


def answer(patroni, word):
    if not patroni.set_config_value(json.dumps({"word": word})):
        return "failed the write"
    read = patroni.get_cluster().config
    if read is None or read.data.get("word") != word:
        return f"failed the read: {read}"
    client = patroni._client
    return f"ok {client._cluster_id} {client._raft_term}"


def main():
    patroni = connect(*sys.argv[1:])
    for line in sys.stdin:
        try:
            said = answer(patroni, line.strip())
        except Exception as error:
            said = f"failed {type(error).__name__} {error}"
        print(said.replace("\n", " "), flush=True)


main()
