# SPDX-License-Identifier: Apache-2.0
"""Runs Python's tests for testr: once, or as a test server.

    python3 -m testr_python.unittest [--server] discover .
    python3 -m pytest -p testr_python.pytest [--subunit | --testr-server]

Needs nothing but Python 3.7 or later, and what the tests need. docs/test-servers.md says how to use it.
"""
