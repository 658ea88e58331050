"""A program under measurement: commands to its standard input, one JSON object a line back."""

import json
import os
import selectors
import subprocess
import tempfile
import time

START_S = 60  # for connecting and making the schema
STOP_S = 30


class Failure(Exception):
    """A sentence about a program that did not answer as it should."""


class Child:
    """Use it in a `with`: whatever happens, the process is gone at the end of it."""

    def __init__(self, name, arguments, folder=None):
        self.name, self.pending = name, b""
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def __enter__(self):
        try:
            self.answer(START_S)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.finish()
        finally:
            self.kill()

    def ask(self, limit_s, *words):
        """Sends a command; returns the answer. Nothing may take longer than limit_s."""
        try:
            self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.failure("ended too early") from None
        return self.answer(limit_s)

    def answer(self, limit_s):
        until = time.monotonic() + limit_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                left = until - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise self.failure(f"did not answer within {limit_s} s")
                read = os.read(self.process.stdout.fileno(), 65536)
                if not read:
                    raise self.failure("ended too early")
                self.pending += read
        line, _, self.pending = self.pending.partition(b"\n")
        try:
            return json.loads(line)
        except ValueError:
            raise self.failure(f"answered {line[:200]!r}") from None

    def finish(self):
        self.process.stdin.close()
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {STOP_S} s") from None
        if status != 0:
            raise self.failure(f"ended with status {status}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # what was still to be written has nobody to read it

    def failure(self, what):
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(self.errors.tell() - 2000, 0))
        said = self.errors.read().decode(errors="replace").strip()
        return Failure(f"{self.name} {what}" + (f": {said}" if said else ""))
