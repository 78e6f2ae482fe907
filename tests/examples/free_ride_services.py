#!/usr/bin/env python3
"""The three services of the example: what they refuse, what they promise, and the comparison that judges the example.

free_ride_services.py BUILD/examples/free-ride"""
import http.client
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/free-ride"
BIN = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build/examples/free-ride").resolve()

SALE = {"id": 7, "date": "01/02/2024", "vendor": "Ada", "customer": None, "product": "kettle", "quantity": 1, "total": 3.5}
TRIP = {"sale": 7, "customer": "Zoë \"Z\" O'Brien\\", "phone": "+34600123456", "address": "Ñandú 3, 🏠"}
MESSAGE = {"to": "+34600123456", "text": "Dear Zoë, trip 1 for sale 7."}


class Service:
    def __init__(self, name, database, *options):
        self.process = subprocess.Popen([BIN / f"free-ride-{name}", "--listen", "127.0.0.1:0", "--database", database,
                                         *options], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on 127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])

    def call(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            connection.request(method, path, body.encode() if isinstance(body, str) else body,
                               {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        status = self.process.wait(20)
        self.process.stdout.close()
        return status


class WithService(unittest.TestCase):
    name = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.database = pathlib.Path(self.folder.name) / "service.db"
        self.service = Service(self.name, self.database)
        self.addCleanup(lambda: self.service.end(signal.SIGKILL))

    def status(self, method, path, body=None, **headers):
        return self.service.call(method, path, body, **headers)[0]

    def count(self, table):
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        finally:
            connection.close()


class Store(WithService):
    name = "store"

    def test_sales_come_in_the_order_of_their_commit(self):
        for number in (9, 3, 9):
            self.assertEqual(self.status("POST", "/api/sales", {**SALE, "id": number}), 201)
        lines = self.service.call("GET", "/api/sales?after=1&limit=2")[1].splitlines()
        self.assertEqual([(json.loads(l)["seq"], json.loads(l)["id"]) for l in lines], [(2, 3), (3, 9)])
        self.assertEqual([json.loads(l)["seq"] for l in self.service.call("GET", "/api/sales?id=9")[1].splitlines()],
                         [1, 3])
        self.assertEqual(json.loads(self.service.call("GET", "/api/sales/last")[1])["seq"], 3)

    def test_texts_come_back_byte_for_byte(self):
        customer = {"name": "Zoe\u0308 \"Z\" O'Brien\\ \t\u0001 🏠", "phone": None, "address": ""}
        self.service.call("POST", "/api/sales", {**SALE, "customer": customer, "product": "日本"})
        row = json.loads(self.service.call("GET", "/api/sales")[1])
        self.assertEqual((row["customer"], row["product"]), (customer, "日本"))

    def test_an_infinite_total_is_printed_as_no_json(self):
        self.service.call("POST", "/api/sales", {**SALE, "total": "Infinity"})
        self.assertIn('"total":Infinity}', self.service.call("GET", "/api/sales")[1])

    def test_totals_keep_their_value(self):
        for total in (150, 149.99, 149.999999, -5, 0.01):
            self.service.call("POST", "/api/sales", {**SALE, "total": total})
        rows = [json.loads(l) for l in self.service.call("GET", "/api/sales")[1].splitlines()]
        self.assertEqual([r["total"] for r in rows], [150, 149.99, 149.999999, -5, 0.01])

    def test_bad_queries_are_refused(self):
        for query in ("limit=0", "limit=501", "limit=", "limit", "after=-1", "after=01", "after=1&after=1", "x=1",
                      "after=1&", "&after=1", "", "id=1&limit=2", "id=1x", "after=9999999999999999999", "After=1",
                      "after=%31"):
            self.assertEqual(self.status("GET", f"/api/sales?{query}"), 400, query)
        self.assertEqual(self.status("GET", "/api/sales/last?x=1"), 400)

    def test_bad_sales_are_refused(self):
        for change in ({"id": "7"}, {"id": -1}, {"date": "2024-02-01"}, {"date": "32/01/2024"}, {"vendor": ""},
                       {"customer": {}}, {"customer": {"name": "x"}}, {"quantity": 1.5}, {"total": "lots"},
                       {"total": None}, {"product": "x" * 501}, {"more": 1}):
            self.assertEqual(self.status("POST", "/api/sales", {**SALE, **change}), 400, change)
        for body in ("", "[]", "{", "null", '{"id":1,"id":2}', b"\xff"):
            self.assertEqual(self.status("POST", "/api/sales", body), 400, body)
        self.assertEqual(self.count("sales"), 0)

    def test_paths_and_methods_are_strict(self):
        self.assertEqual(self.status("GET", "/api/sales/last"), 404)
        for path in ("/", "/api", "/api/sales/", "/api/sales/1", "/api//sales"):
            self.assertEqual(self.status("GET", path), 404, path)
        status, body, headers = self.service.call("DELETE", "/api/sales")
        self.assertEqual((status, headers["Allow"]), (405, "GET, POST"))
        self.assertIn("error", json.loads(body))

    def test_a_body_over_the_limit_is_refused(self):
        self.assertEqual(self.status("POST", "/api/sales", "x" * (65 << 10)), 413)


class Transport(WithService):
    name = "transport"

    def test_a_trip_is_booked_found_and_cancelled(self):
        status, body, _ = self.service.call("POST", "/api/trips", TRIP)
        trip = json.loads(body)
        self.assertEqual((status, trip["state"]), (201, "booked"))
        self.assertEqual({name: trip[name] for name in TRIP}, TRIP)
        self.assertEqual(json.loads(self.service.call("GET", f"/api/trips/{trip['id']}")[1]), trip)
        self.assertEqual(json.loads(self.service.call("GET", "/api/trips?after=0")[1]), trip)
        for _ in range(2):
            cancelled = json.loads(self.service.call("DELETE", f"/api/trips/{trip['id']}")[1])
            self.assertEqual(cancelled, {**trip, "state": "cancelled"})

    def test_what_is_not_there_is_404(self):
        for path in ("/api/trips/1", "/api/trips/x", "/api/trips/01", "/api/trips/-1", "/trips"):
            self.assertEqual(self.status("GET", path), 404, path)
        self.assertEqual(self.status("DELETE", "/api/trips/1"), 404)
        self.assertEqual(self.status("POST", "/api/trips/1", TRIP), 405)

    def test_bad_trips_are_refused(self):
        for change in ({"sale": "7"}, {"sale": None}, {"customer": ""}, {"phone": 5}, {"address": "x" * 501}, {"y": 1}):
            self.assertEqual(self.status("POST", "/api/trips", {**TRIP, **change}), 400, change)
        self.assertEqual(self.status("POST", "/api/trips?x=1", TRIP), 400)
        self.assertEqual(self.count("trips"), 0)

    def test_a_key_makes_one_trip(self):
        first = self.service.call("POST", "/api/trips", TRIP, Idempotency_Key="sale-7-trip")
        for _ in range(3):
            again = self.service.call("POST", "/api/trips", TRIP, Idempotency_Key="sale-7-trip")
            self.assertEqual(again[:2], first[:2])
        other = {**TRIP, "address": "elsewhere"}
        self.assertEqual(self.status("POST", "/api/trips", other, Idempotency_Key="sale-7-trip"), 422)
        self.assertEqual(self.count("trips"), 1)
        self.assertEqual(self.status("POST", "/api/trips", TRIP, Idempotency_Key="sale-8-trip"), 201)
        self.assertEqual(self.status("POST", "/api/trips", TRIP), 201)
        self.assertEqual(self.count("trips"), 3)

    def test_a_refused_body_does_not_use_its_key_up(self):
        self.assertEqual(self.status("POST", "/api/trips", {}, Idempotency_Key="k"), 400)
        self.assertEqual(self.status("POST", "/api/trips", TRIP, Idempotency_Key="k"), 201)

    def test_bad_keys_are_refused(self):
        for key in ("", "a b", "x" * 256, "é".encode("latin-1")):
            self.assertEqual(self.status("POST", "/api/trips", TRIP, Idempotency_Key=key), 400, key)

    def test_keys_outlive_a_restart(self):
        first = self.service.call("POST", "/api/trips", TRIP, Idempotency_Key="k")
        self.assertEqual(self.service.end(), 0)
        self.service = Service(self.name, self.database)
        self.assertEqual(self.service.call("POST", "/api/trips", TRIP, Idempotency_Key="k")[:2], first[:2])

    def test_what_was_acknowledged_survives_a_kill(self):
        acknowledged = []

        def book():
            try:
                while True:
                    answer = self.service.call("POST", "/api/trips", TRIP, Idempotency_Key=f"k{len(acknowledged)}")
                    acknowledged.append(json.loads(answer[1])["id"])
            except (OSError, http.client.HTTPException, ValueError):
                pass

        for _ in range(3):
            booking = threading.Thread(target=book)
            booking.start()
            time.sleep(0.15)
            self.service.end(signal.SIGKILL)
            booking.join()
            self.service = Service(self.name, self.database)
            for trip in acknowledged:
                self.assertEqual(self.status("GET", f"/api/trips/{trip}"), 200)
        self.assertGreater(len(acknowledged), 3)
        self.assertEqual(len(set(acknowledged)), len(acknowledged))


class Messaging(WithService):
    name = "messaging"

    def test_messages_are_kept_once_a_key(self):
        for _ in range(2):
            self.assertEqual(self.status("POST", "/send-message", MESSAGE, Idempotency_Key="k"), 201)
        row = json.loads(self.service.call("GET", "/api/messages")[1])
        self.assertEqual((row["to"], row["text"]), (MESSAGE["to"], MESSAGE["text"]))

    def test_bad_messages_are_refused(self):
        for change in ({"to": ""}, {"text": None}, {"to": "1" * 41}, {"cc": "x"}):
            self.assertEqual(self.status("POST", "/send-message", {**MESSAGE, **change}), 400, change)
        self.assertEqual(self.status("GET", "/send-message"), 405)
        self.assertEqual(self.status("POST", "/api/messages", MESSAGE), 405)


class Delay(unittest.TestCase):
    def test_a_late_answer_and_a_client_that_leaves(self):
        with tempfile.TemporaryDirectory() as folder:
            service = Service("messaging", pathlib.Path(folder) / "m.db", "--delay-ms", "150")
            try:
                leaving = http.client.HTTPConnection("127.0.0.1", service.port)
                leaving.request("POST", "/send-message", json.dumps(MESSAGE))
                time.sleep(0.05)
                leaving.close()
                start = time.monotonic()
                status, body, _ = service.call("GET", "/api/messages")
                self.assertGreaterEqual(time.monotonic() - start, 0.14)
                self.assertEqual((status, len(body.splitlines())), (200, 1))
                time.sleep(0.2)
                self.assertIsNone(service.process.poll())
            finally:
                self.assertEqual(service.end(), 0)


class Compare(unittest.TestCase):
    """The data of the example in the store, and trips and messages as a right program would write them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.files = [pathlib.Path(folder.name) / f"{name}.db" for name in ("store", "transport", "messaging")]
        sales = pathlib.Path(folder.name) / "sales.ndjson"
        sales.write_bytes(subprocess.run([EXAMPLE / "data/make-sales"], stdout=subprocess.PIPE, check=True).stdout)
        subprocess.run([BIN / "free-ride-store", "--database", self.files[0], "--load", sales], check=True)
        for name, file in zip(("transport", "messaging"), self.files[1:]):
            Service(name, file).end()
        self.store, self.transport, self.messaging = (sqlite3.connect(f, isolation_level=None) for f in self.files)
        for connection in (self.store, self.transport, self.messaging):
            self.addCleanup(connection.close)
        self.serve_all()

    def serve_all(self):
        seen = set()
        for connection in (self.transport, self.messaging):
            connection.execute("BEGIN")
        for number, name, phone, address, total in self.store.execute(
                "SELECT id, name, phone, address, total FROM sales ORDER BY seq").fetchall():
            digits = "".join(c for c in phone or "" if c not in " .-")
            good = 150 <= total < float("inf") and name and address and digits[:1] == "+" \
                and digits[1:].isascii() and digits[1:].isdigit() and 8 <= len(digits) - 1 <= 15
            if good and number not in seen:
                self.book(number, name, digits, address)
            seen.add(number)
        for connection in (self.transport, self.messaging):
            connection.execute("COMMIT")

    def book(self, number, name, phone, address):
        trip = self.transport.execute("INSERT INTO trips (sale, customer, phone, address, state, booked_at)"
                                      " VALUES (?, ?, ?, ?, 'booked', 1)", (number, name, phone, address)).lastrowid
        text = f"Dear {name}, your free ride home is booked: trip {trip} for sale {number}."
        self.messaging.execute("INSERT INTO messages (recipient, text, sent_at) VALUES (?, ?, 1)", (phone, text))

    def result(self):
        done = subprocess.run([EXAMPLE / "compare", "--json", *self.files], stdout=subprocess.PIPE)
        result = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if result["ok"] else 1)
        return result

    def test_a_right_run_is_right(self):
        result = self.result()
        self.assertTrue(result["ok"], result["errors"][:3])
        self.assertGreater(result["expected"], 100)
        self.assertEqual(result["expected"], result["trips"])
        expected = subprocess.run([EXAMPLE / "compare", "--expected", self.files[0]], stdout=subprocess.PIPE, text=True)
        self.assertEqual(int(expected.stdout), result["expected"])

    def test_every_kind_of_mistake_is_found(self):
        unfit = self.store.execute("SELECT id FROM sales WHERE total < 100 AND id NOT IN"
                                   " (SELECT id FROM sales WHERE total >= 150) LIMIT 1").fetchone()[0]
        some = self.transport.execute("SELECT id FROM trips LIMIT 1 OFFSET 5").fetchone()[0]
        mistakes = [
            (self.transport, f"DELETE FROM trips WHERE id = {some}"),
            (self.transport, f"UPDATE trips SET state = 'cancelled' WHERE id = {some}"),
            (self.transport, f"UPDATE trips SET address = address || ' ' WHERE id = {some}"),
            (self.transport, f"UPDATE trips SET customer = upper(customer) WHERE id = {some}"),
            (self.transport, f"UPDATE trips SET phone = '+3460000000' WHERE id = {some}"),
            (self.transport, f"UPDATE trips SET sale = {unfit} WHERE id = {some}"),
            (self.transport, "INSERT INTO trips (sale, customer, phone, address, state, booked_at)"
                             f" SELECT sale, customer, phone, address, state, 1 FROM trips WHERE id = {some}"),
            (self.messaging, f"DELETE FROM messages WHERE id = {some}"),
            (self.messaging, f"UPDATE messages SET recipient = '+3460000000' WHERE id = {some}"),
            (self.messaging, f"UPDATE messages SET text = 'no number' WHERE id = {some}"),
            (self.messaging, "INSERT INTO messages (recipient, text, sent_at)"
                             f" SELECT recipient, text, 1 FROM messages WHERE id = {some}"),
        ]
        for connection, mistake in mistakes:
            connection.execute("BEGIN")
            connection.execute(mistake)
            connection.execute("COMMIT")
            result = self.result()
            self.assertFalse(result["ok"], mistake)
            for table, database in (("trips", self.transport), ("messages", self.messaging)):
                database.execute(f"DELETE FROM {table}")
                database.execute("DELETE FROM sqlite_sequence")
            self.serve_all()
            self.assertTrue(self.result()["ok"])


class Data(unittest.TestCase):
    def test_the_data_has_what_breaks_naive_programs(self):
        make = EXAMPLE / "data/make-sales"
        text = subprocess.run([make], stdout=subprocess.PIPE, text=True, check=True).stdout
        again = subprocess.run([make], stdout=subprocess.PIPE, text=True, check=True).stdout
        canaries = subprocess.run([make, "--canaries"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        sales = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(text, again)
        self.assertEqual((len(sales), len(set(canaries))), (800, 20))
        for canary in canaries:
            self.assertEqual(text.count(canary), 1)
        self.assertEqual(sum(s["total"] == "Infinity" for s in sales), 7)
        self.assertEqual(sum(s["total"] == -5 for s in sales), 1)
        self.assertTrue(150 < sum(s["customer"] is None for s in sales) < 250)
        self.assertGreater(sum(s["total"] == 150 for s in sales), 5)
        self.assertEqual(len(sales) - len({s["id"] for s in sales}), 7)
        for part in ('\\"', "\\\\", "🏠", "é", "'"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
