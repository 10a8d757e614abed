"""The steps of the floor as pyinfra operations. Data: input (folder of files), work (fresh or nothing)."""

import os

from pyinfra import host
from pyinfra.facts.deb import DebPackage
from pyinfra.operations import apt, files, server, systemd

source, work = host.data.input, host.data.work
address = host.name

if work == "fresh":
    # Debian starts a default etcd at installation, unless its unit is masked.
    missing = host.get_fact(DebPackage, package="etcd-server") is None
    if missing:
        server.shell(name="mask", commands="systemctl mask --runtime etcd")
    apt.packages(
        name="install", packages=["etcd-server", "etcd-client"], update=missing, no_recommends=True,
    )
    if missing:
        server.shell(name="unmask", commands="systemctl unmask --runtime etcd")
    files.directory(name="conf folder", path="/etc/etcd", user="etcd", group="etcd", mode="750")
    files.directory(name="data folder", path="/data/etcd", user="etcd", group="etcd", mode="700")

for path, target, owner, mode in [
    (f"{address}/etcd.conf", "/etc/etcd/etcd.conf", "etcd", "644"),
    (f"{address}/server.crt", "/etc/etcd/server.crt", "etcd", "644"),
    (f"{address}/server.key", "/etc/etcd/server.key", "etcd", "600"),
    ("common/ca.crt", "/etc/etcd/ca.crt", "etcd", "644"),
    ("common/etcd.service", "/etc/systemd/system/etcd.service", "root", "644"),
    ("common/etcdctl.sh", "/etc/profile.d/etcdctl.sh", "root", "644"),
]:
    files.put(name=target, src=os.path.join(source, path), dest=target, user=owner, group=owner, mode=mode)

systemd.service(
    name="launch", service="etcd", running=True, enabled=True, daemon_reload=work == "fresh",
)
server.shell(
    name="healthy",
    commands=". /etc/profile.d/etcdctl.sh; export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379; "
    "until etcdctl endpoint health; do sleep 0.1; done",
)
