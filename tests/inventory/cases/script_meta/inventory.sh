#!/bin/sh
cat <<'EOF'
{
  "etcd": { "hosts": ["10.0.0.2", "10.0.0.1"], "vars": { "etcd_cluster": "etcd", "big": 12345678901234567890, "f": 1e3 } },
  "site": { "children": ["etcd", "new"], "vars": { "a": "{{ b }}", "ansible_group_priority": 3 } },
  "old": ["legacy-1"],
  "_meta": { "hostvars": {
    "10.0.0.1": { "etcd_seq": 1, "u": { "__ansible_unsafe": "{{ x }}" } },
    "10.0.0.2": { "etcd_seq": 2, "v": { "__ansible_vault": "cipher" } },
    "not-in-a-group": { "x": 1 }
  } }
}
EOF
