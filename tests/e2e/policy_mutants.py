"""Policies with one thing left out: a row of the decision, a fact, one condition of an identity."""

import json
import re


def flat(expression):
    """In one line, as it was before it was laid out."""
    return expression.replace("\n", " ")


def rows_dropped(reason):
    """(what, expression) for variable `reason` without one of its rows."""
    parts = re.split(r"(?<=') : ", flat(reason))
    assert len(parts) > 10, parts
    for number, part in enumerate(parts[:-1]):
        yield f"row {part.rsplit(' ? ', 1)[1]}", " : ".join(parts[:number] + parts[number + 1:])


def operators(expression):
    """[(place, text, depth)] of what separates operands, outside literals; brackets are "(" and ")"."""
    found, depth, quote, at = [], 0, None, 0
    while at < len(expression):
        c = expression[at]
        if quote:
            at += 1 if c == "\\" else 0
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            found.append((at, "(", depth))
            depth += 1
        elif c in ")]}":
            depth -= 1
            found.append((at, ")", depth))
        elif c == ",":
            found.append((at, ",", depth))
        elif match := re.match(r" (&&|\|\||\?|:) ", expression[at:]):
            found.append((at, match.group(1), depth))
        at += 1
    return found


def conditions_dropped(expression):
    """(what, expression) without one operand of a && or ||."""
    expression = flat(expression)
    found = operators(expression)
    for number, (place, operator, depth) in enumerate(found):
        if operator not in ("&&", "||"):
            continue
        ends = {"&&": ("&&", "||", "?", ":", ","), "||": ("||", "?", ":", ",")}[operator]
        after = [at for at, text, level in found[number + 1:]
                 if level == depth and text in ends or level < depth]
        end = after[0] if after else len(expression)
        yield f"{operator} {expression[place + 4:end]}", expression[:place] + expression[end:]
        before = [(at, text) for at, text, level in found[:number]
                  if level == depth and text in ("&&", "||", "?", ":", ",") or (text == "(" and level == depth - 1)]
        at, text = before[-1] if before else (-1, "")
        if text == operator:
            continue  # what stands before is the right side of that one
        start = at + 1 if text in ("(", "") else at + (2 if text == "," else len(text) + 2)
        yield f"{expression[start:place]} {operator}", expression[:start] + expression[place + 4:]


def mutants(policy, everything):
    """(what, policy) of each."""
    variables = {each["name"]: each["expression"] for each in policy["spec"]["variables"]}

    def with_variable(name, expression):
        made = json.loads(json.dumps(policy))
        for each in made["spec"]["variables"]:
            if each["name"] == name:
                each["expression"] = expression
        return made

    for what, expression in rows_dropped(variables["reason"]):
        yield what, with_variable("reason", expression)
    yield "the last variable counts", with_variable("runsWithoutNsjail", variables["runsWithoutNsjail"].replace(
        "lastIndexOf", "indexOf"))
    yield "where the target is", with_variable("targetIndex", f"variables.containers.size() == 0 ? -1 : ({variables['targetIndex']} < 0 ? -1 : 0)")
    for old, new in (("/spec/initContainers/0", "/spec/initContainers/-"), (".size() - 1 - i]", ".size() - 1]"),
                     ("variables.installers[0] > 0", "false")):
        text = policy["spec"]["mutations"][0]["jsonPatch"]["expression"]
        assert old in flat(text) or old == "variables.installers[0] > 0" and "installers" not in text, old
        made = json.loads(json.dumps(policy))
        made["spec"]["mutations"][0]["jsonPatch"]["expression"] = flat(text).replace(old, new)
        yield f"{old} is {new}", made
    if not everything:
        return
    for name, expression in variables.items():
        if name in ("outcome", "obstacles"):  # of the rows' conditions, once more
            continue
        for what, changed in conditions_dropped(expression):
            yield f"{name} without {what}", with_variable(name, changed)
    text = policy["spec"]["mutations"][0]["jsonPatch"]["expression"]
    for what, changed in conditions_dropped(text):
        made = json.loads(json.dumps(policy))
        made["spec"]["mutations"][0]["jsonPatch"]["expression"] = changed
        yield f"mutation without {what}", made
