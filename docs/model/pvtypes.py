"""Reads the part of ProVerif's typed language that the models here use, and checks what ProVerif itself would
refuse: unknown names, numbers and types of arguments, unbalanced brackets, keywords as names; and more than it
would: a declaration that nothing uses, a variable of a query that does not occur in it, a name that means two
things. It proves nothing."""
import re

KEYWORDS = set("""among axiom barrier channel choice clauses const def diff do elimtrue else equation equivalence event
    expand fail for forall foreach free fun get if implementation in inj-event insert lemma let letfun letproba new
    noninterf noselect not nounif or otherwise out param phase pred proba process proof public_vars putbegin query reduc
    restriction secret select set suchthat sync table then type weaksecret yield""".split())
TOKEN = re.compile(r"\(\*.*?\*\)|\s+|inj-event|[A-Za-z][A-Za-z0-9_']*|[0-9]+|==>|<>|\|\||&&|[-().,;:=|!\[\]*@]", re.S)
BUILT_IN_TYPES = {"bitstring", "bool", "channel"}


class Refused(Exception):
    """What is wrong, and in which line."""


def tokens(text):
    """[(token, line)], comments and white space left out."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise Refused(f"line {line}: nothing begins with {text[at:at + 10]!r}")
        word = match.group()
        if not word.isspace() and not word.startswith("(*"):
            found.append((word, line))
        line += word.count("\n")
        at = match.end()
    return found + [("", line)]


class Model:
    """Every declaration of a file, by kind, and what was used of them."""

    def __init__(self, text):
        self.left = tokens(text)
        self.types = dict.fromkeys(BUILT_IN_TYPES, 0)
        self.functions = {"true": ([], "bool"), "false": ([], "bool"), "not": (["bool"], "bool")}
        self.tables, self.events, self.processes = {}, {}, {}
        self.used, self.used_variables, self.declared, self.n_queries = set(), set(), {}, 0
        while self.peek():
            word = self.take()
            handler = getattr(self, "on_" + word, None)
            if not handler:
                self.refuse(f"no declaration begins with {word}")
            handler()
        self.check_used()

    # ---- tokens ----

    def peek(self, ahead=0):
        return self.left[min(ahead, len(self.left) - 1)][0]

    def take(self, wanted=None):
        word = self.peek()
        if wanted is not None and word != wanted:
            self.refuse(f"{word or 'the end'} where {wanted} belongs")
        if word:
            self.left.pop(0)
        return word

    def accept(self, word):
        return self.peek() == word and bool(self.take())

    def refuse(self, what):
        raise Refused(f"line {self.left[0][1]}: {what}")

    def new_name(self):
        word = self.take()
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_']*", word) or word in KEYWORDS:
            self.refuse(f"{word} is no name")
        return word

    def separated(self, one, end):
        """one(), one(), ... up to `end`, which is taken."""
        found = []
        while not self.accept(end):
            if found:
                self.take(",")
            found.append(one())
        return found

    # ---- declarations ----

    def declare(self, kind, name, value):
        if name in self.declared:
            self.refuse(f"{name} is declared twice")
        self.declared[name] = self.left[0][1]
        kind[name] = value

    def look_up(self, kind, name, what):
        if name not in kind:
            self.refuse(f"{name} is no {what}")
        self.used.add(name)
        return kind[name]

    def check_used(self):
        for name, line in self.declared.items():
            if name not in self.used:
                raise Refused(f"line {line}: nothing uses {name}")

    def type_name(self):
        name = self.take()
        self.look_up(self.types, name, "type")
        return name

    def types_in_brackets(self):
        self.take("(")
        return self.separated(self.type_name, ")")

    def typed(self):
        """name: type"""
        name = self.new_name()
        if name in self.declared:
            self.refuse(f"the variable {name} has the name of something else")
        self.take(":")
        return name, self.type_name()

    def variables(self, end):
        return dict(self.separated(self.typed, end))

    def options(self):
        if self.accept("["):
            self.separated(self.take, "]")

    def on_type(self):
        self.declare(self.types, self.new_name(), 0)
        self.take(".")

    def on_free(self):
        name = self.new_name()
        self.take(":")
        self.declare(self.functions, name, ([], self.type_name()))
        self.options()
        self.take(".")

    def on_const(self):
        names = self.separated(self.new_name, ":")
        of_type = self.type_name()
        self.options()
        self.take(".")
        for name in names:
            self.declare(self.functions, name, ([], of_type))
            self.used.add(name)  # a public constant is there for the attacker too

    def on_fun(self):
        name = self.new_name()
        arguments = self.types_in_brackets()
        self.take(":")
        self.declare(self.functions, name, (arguments, self.type_name()))
        if self.accept("reduc"):
            self.rule(name)
            while self.accept("otherwise"):
                self.rule(name)
        self.options()
        self.take(".")

    def on_reduc(self):
        name = self.rule(None)
        while self.accept(";"):
            self.rule(name)
        self.options()
        self.take(".")

    def rule(self, name):
        """forall x: t, ...; f(M, ...) = M; the first rule of a destructor declares it."""
        self.take("forall")
        scope = self.variables(";")
        found = self.new_name()
        if name and found != name:
            self.refuse(f"a rule for {found} where {name} is defined")
        self.take("(")
        arguments = self.separated(lambda: self.simple(scope), ")")
        self.take("=")
        result = self.simple(scope)
        if found not in self.functions:
            self.declare(self.functions, found, (arguments, result))
        elif self.functions[found] != (arguments, result):
            self.refuse(f"a rule for {found} with other types")
        return found

    def on_letfun(self):
        name = self.new_name()
        scope = self.variables(")") if self.accept("(") else {}
        self.take("=")
        self.declare(self.functions, name, (list(scope.values()), self.term(scope)))
        self.take(".")

    def on_table(self):
        self.declare(self.tables, self.new_name(), self.types_in_brackets())
        self.take(".")

    def on_event(self):
        self.declare(self.events, self.new_name(), self.types_in_brackets() if self.peek() == "(" else [])
        self.take(".")

    def on_let(self):
        name = self.new_name()
        scope = self.variables(")") if self.accept("(") else {}
        self.take("=")
        self.process(scope)
        self.declare(self.processes, name, list(scope.values()))
        self.take(".")

    def on_process(self):
        self.process({})
        if self.peek():
            self.refuse(f"{self.peek()} after the end of the process")

    # ---- terms ----

    def expect(self, found, wanted, what):
        if found != wanted:
            self.refuse(f"{what} has type {found} where {wanted} belongs")

    def arguments(self, wanted, name, one):
        """The bracketed arguments of `name`, each read by one(wanted type)."""
        left = list(wanted)

        def next_one():
            if not left:
                self.refuse(f"{name} takes {len(wanted)} arguments, not more")
            of_type = left.pop(0)
            self.expect(one(of_type), of_type, f"an argument of {name}")
        self.take("(")
        self.separated(next_one, ")")
        if left:
            self.refuse(f"{name} takes {len(wanted)} arguments, not {len(wanted) - len(left)}")

    def term(self, scope):
        if self.accept("if"):
            self.expect(self.term(scope), "bool", "a condition")
            self.take("then")
            first = self.term(scope)
            self.take("else")
            self.expect(self.term(scope), first, "the other branch")
            return first
        if self.accept("let"):
            inner = dict(scope)
            name = self.new_name()
            self.take("=")
            inner[name] = self.term(scope)
            self.take("in")
            return self.term(inner)
        return self.either(scope)

    def either(self, scope):
        return self.joined("||", lambda: self.joined("&&", lambda: self.compared(scope)))

    def joined(self, word, one):
        first = one()
        while self.accept(word):
            self.expect(first, "bool", f"the left side of {word}")
            self.expect(one(), "bool", f"the right side of {word}")
        return first

    def compared(self, scope):
        first = self.simple(scope)
        if self.peek() in ("=", "<>"):
            self.take()
            self.expect(self.simple(scope), first, "the right side of a comparison")
            return "bool"
        return first

    def simple(self, scope):
        if self.accept("("):
            found = self.separated(lambda: self.term(scope), ")")
            return found[0] if len(found) == 1 else "bitstring"
        name = self.take()
        if name in scope:
            self.used_variables.add(name)
            return scope[name]
        wanted, result = self.look_up(self.functions, name, "function, constant or variable here")
        if wanted or self.peek() == "(":
            self.arguments(wanted, name, lambda of_type: self.term(scope))
        return result

    # ---- patterns and processes ----

    def pattern(self, scope, bound, of_type):
        """Reads a pattern for a value of `of_type` (None: not known); returns its type."""
        if self.accept("="):
            return self.compared(scope)
        if self.accept("("):
            self.separated(lambda: self.pattern(scope, bound, None), ")")
            return "bitstring"
        if self.peek(1) == "(":
            name = self.take()
            wanted, result = self.look_up(self.functions, name, "constructor")
            self.arguments(wanted, name, lambda of: self.pattern(scope, bound, of))
            return result
        name = self.new_name()
        if name in self.declared:
            self.refuse(f"the variable {name} has the name of something else")
        found = self.type_name() if self.accept(":") else of_type
        if found is None:
            self.refuse(f"the type of {name} is not said")
        bound[name] = found
        return found

    def process(self, scope):
        self.one_process(scope)
        while self.accept("|"):
            self.one_process(scope)

    def one_process(self, scope):
        if self.accept("("):
            self.process(scope)
            self.take(")")
        elif self.accept("!"):
            self.one_process(scope)
        elif self.peek() in ("new", "in", "out", "let", "if", "event", "insert", "get", "phase"):
            getattr(self, "do_" + self.take())(dict(scope))
        else:
            name = self.take()
            wanted = self.look_up(self.processes, name, "process")
            if wanted:
                self.arguments(wanted, name, lambda of_type: self.term(scope))

    def go_on(self, scope):
        if self.accept(";"):
            self.one_process(scope)

    def do_new(self, scope):
        name, of_type = self.typed()
        scope[name] = of_type
        self.go_on(scope)

    def do_in(self, scope):
        self.take("(")
        self.expect(self.simple(scope), "channel", "the first part of in")
        self.take(",")
        self.pattern(scope, scope, None)
        self.take(")")
        self.go_on(scope)

    def do_out(self, scope):
        self.take("(")
        self.expect(self.simple(scope), "channel", "the first part of out")
        self.take(",")
        self.term(scope)
        self.take(")")
        self.go_on(scope)

    def do_let(self, scope):
        """The pattern stands before the term that gives its type, so it is read after it."""
        start = list(self.left)
        depth = 0
        while depth or self.peek() != "=":
            depth += {"(": 1, ")": -1}.get(self.take(), 0)
        self.take("=")
        of_type = self.term(scope)
        after, self.left, bound = self.left, start, {}
        self.expect(self.pattern(scope, bound, of_type), of_type, "the pattern of a let")
        self.take("=")
        self.left = after
        self.take("in")
        self.one_process({**scope, **bound})
        if self.accept("else"):
            self.one_process(scope)

    def do_if(self, scope):
        self.expect(self.term(scope), "bool", "a condition")
        self.take("then")
        self.one_process(scope)
        if self.accept("else"):
            self.one_process(scope)

    def do_event(self, scope):
        name = self.new_name()
        wanted = self.look_up(self.events, name, "event")
        if wanted:
            self.arguments(wanted, name, lambda of_type: self.term(scope))
        self.go_on(scope)

    def do_insert(self, scope):
        name = self.new_name()
        self.arguments(self.look_up(self.tables, name, "table"), name, lambda of_type: self.term(scope))
        self.go_on(scope)

    def do_get(self, scope):
        name, bound = self.new_name(), {}
        wanted = self.look_up(self.tables, name, "table")
        self.arguments(wanted, name, lambda of_type: self.pattern(scope, bound, of_type))
        self.take("in")
        self.one_process({**scope, **bound})
        if self.accept("else"):
            self.one_process(scope)

    def do_phase(self, scope):
        self.take("1")
        self.go_on(scope)

    # ---- queries ----

    def on_query(self):
        scope = self.variables(";")
        self.used_variables.clear()
        self.separated_statements(scope)
        self.take(".")
        for name in scope:
            if name not in self.used_variables:
                self.refuse(f"the query above does not use its variable {name}")

    def separated_statements(self, scope):
        while True:
            self.statement(scope)
            self.n_queries += 1
            if not self.accept(";"):
                return

    def on_restriction(self):
        scope = self.variables(";")
        self.statement(scope)
        self.take(".")

    def on_noselect(self):
        scope = self.variables(";")
        self.take("table")
        self.take("(")
        name = self.new_name()
        wanted = self.look_up(self.tables, name, "table")
        self.arguments(wanted, name, lambda of_type: self.take("*") and scope[self.take()])
        self.take(")")
        if self.accept("phase"):
            self.take()
        self.options()
        self.take(".")

    def statement(self, scope):
        self.facts(scope)
        if self.accept("==>"):
            self.facts(scope)

    def facts(self, scope):
        self.fact(scope)
        while self.accept("&&") or self.accept("||"):
            self.fact(scope)

    def fact(self, scope):
        if self.accept("("):
            self.statement(scope)
            self.take(")")
        elif self.peek() in ("event", "inj-event"):
            self.take()
            self.take("(")
            name = self.new_name()
            self.arguments(self.look_up(self.events, name, "event"), name, lambda of_type: self.term(scope))
            self.take(")")
        elif self.accept("attacker"):
            self.take("(")
            self.term(scope)
            self.take(")")
            if self.accept("phase"):
                self.take()
        else:
            self.expect(self.compared(scope), "bool", "a fact")
