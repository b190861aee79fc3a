"""deploy/nginx.conf in front of a real narabi, with TLS."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

from narabi_http import DOCUMENTS, JSON, QUERY, ROOT, Server, wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx(unittest.TestCase):
    def setUp(self):
        self.nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.assertTrue(Path(self.nginx).exists(), "needs: apt-get install nginx-light")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.port = free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                        "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"],
                       check=True, capture_output=True)
        ours = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
        for pattern, value in [(r"127\.0\.0\.1:8080", f"127.0.0.1:{self.server.port}"),
                               (r"listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                               (r"/etc/ssl/narabi/fullchain\.pem", f"{self.folder}/cert.pem"),
                               (r"/etc/ssl/narabi/privkey\.pem", f"{self.folder}/key.pem")]:
            self.assertRegex(ours, pattern)
            ours = re.sub(pattern, value, ours)
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"daemon off; pid {self.folder}/pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary}\n{ours}\n}}\n")
        self.process = subprocess.Popen([self.nginx, "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", "stderr"],
                                        stderr=subprocess.DEVNULL)
        self.addCleanup(self.end)
        self.assertTrue(wait_until(self.listens), "nginx does not listen")

    def end(self):
        self.process.terminate()
        self.process.wait(20)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def request(self, method, path, body=None):
        trust = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        connection = http.client.HTTPSConnection("localhost", self.port, context=trust, timeout=60)
        connection.request(method, path, body, JSON if body else {})
        answer = connection.getresponse()
        out = answer.status, answer.read(), dict((k.lower(), v) for k, v in answer.getheaders())
        connection.close()
        return out

    def test_reranks_over_tls_and_hides_what_is_not_for_outside(self):
        body = json.dumps({"query": QUERY, "documents": DOCUMENTS})
        status, answer, headers = self.request("POST", "/rerank", body)
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(answer)["results"][0]["index"], 1)
        self.assertRegex(headers["x-request-id"], r"^[0-9a-f]{32}$")  # nginx's, passed through
        self.assertEqual(self.request("POST", "/rerank", "{")[0], 400)
        for path in ("/admin/models", "/metrics"):
            self.assertEqual(self.request("GET", path)[0], 404)
        self.assertEqual(self.request("POST", "/rerank", "x" * 9_000_000)[0], 413)


if __name__ == "__main__":
    unittest.main()
