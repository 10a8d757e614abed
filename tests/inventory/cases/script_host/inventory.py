#!/usr/bin/env python3
import json
import sys

if sys.argv[1] == "--list":
    print(json.dumps({"etcd": {"hosts": ["a", "b"]}, "single": {"x": 1, "y": [2]}}))
elif sys.argv[2] == "a":
    print(json.dumps({"seq": 1, "text": "caf\u00e9"}))
