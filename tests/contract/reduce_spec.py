#!/usr/bin/env python3
"""Cuts an OpenAPI description down to what the contract tests judge by.

    reduce_spec.py FULL.json ROUTES.C > specs/NAME.json

Kept are the paths that the sandbox serves (routes.c), and of them the shapes: no prose, examples or
code samples, and only the components that something still refers to.
"""

import json
import re
import sys

PROSE = {"description", "summary", "example", "examples", "externalDocs", "tags", "operationId"}
METHODS = {"get", "post", "put", "patch", "delete"}


def shape(path):
    """The path with every {parameter} alike."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def served(source):
    """{(method, shape)} of routes.c, with its macros for path prefixes written out."""
    source = re.sub(r"\\\n", "", source)
    defined = dict(re.findall(r'#define (APP|MACHINE)\s+"([^"]+)"', source))
    for name, path in defined.items():
        source = re.sub(rf"\b{name}\b", f'"{path}"', source)
    thing = re.findall(r'THING\((\w+), path(?: "([^"]*)")?,', source)
    found = set()
    for path in re.findall(r'THINGS\("([^"]+)"', source):
        found |= {(method.lower(), shape(f"/v1{path}{rest}")) for method, rest in thing}
    for api, method, parts in re.findall(r'\b(HETZNER|FLY|THING)\((\w+), ((?:"[^"]*"\s*)+),', source):
        path = "".join(re.findall(r'"([^"]*)"', parts))
        found.add((method.lower(), shape(path if api == "FLY" else "/v1" + path)))
    return found


def stripped(node, is_named=False):
    """Without prose. The members of "properties" and the like are names, not keywords."""
    if isinstance(node, list):
        return [stripped(item) for item in node]
    if not isinstance(node, dict):
        return node
    names = ("properties", "schemas", "patternProperties", "mapping")
    kept = {
        key: stripped(value, key in names)
        for key, value in node.items()
        if is_named or (key not in PROSE and not key.startswith("x-"))
    }
    if "responses" in kept and not is_named:
        kept["responses"] = {
            code: {"description": "", **reply} for code, reply in kept["responses"].items()
        }
    return kept


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def drop_unused_components(spec):
    components = spec.pop("components", {})
    wanted, queue = set(), list(references(spec))
    while queue:
        reference = queue.pop()
        if reference in wanted:
            continue
        wanted.add(reference)
        _, _, kind, name = reference.split("/")
        queue += references(components[kind][name])
    spec["components"] = {
        kind: {n: v for n, v in items.items() if f"#/components/{kind}/{n}" in wanted}
        for kind, items in components.items()
        if kind != "securitySchemes"
    }
    spec["components"]["securitySchemes"] = components.get("securitySchemes", {})


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        routes = served(file.read())
    paths = {}
    for path, item in spec["paths"].items():
        kept = {
            key: value
            for key, value in item.items()
            if key not in METHODS or (key, shape(path)) in routes
        }
        if METHODS & kept.keys():
            paths[path] = stripped(kept)
    reduced = {
        "openapi": spec["openapi"],
        "info": {"title": spec["info"]["title"], "version": spec["info"]["version"]},
        "servers": [{"url": "/"}],
        "security": spec.get("security", []),
        "paths": paths,
        "components": stripped(spec.get("components", {})),
    }
    drop_unused_components(reduced)
    json.dump(reduced, sys.stdout, separators=(",", ":"), sort_keys=True)
    print()


if __name__ == "__main__":
    main()
