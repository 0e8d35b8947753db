"""kist with a pipeline `p` whose source is a project of the Neon of the tests."""
from fault_proxy import Answer, FaultProxy


class Neon:
    """`fake` is the project; `proxy` stands before it, without any fault as yet."""

    def __init__(self, kist, fake):
        self.kist, self.fake, self.model = kist, fake, fake.model
        self.proxy = FaultProxy(fake.url)

    def stop(self):
        self.proxy.stop()

    def write(self, *more, sections="", destinations=("disk",), filters=None, **options):
        """`more`: keys of the pipeline; `options`: of the source."""
        keys = {
            "plugin": "neon",
            "api_key": self.fake.api_key,
            "project": self.fake.project,
            "api_url": self.proxy.endpoint + "/api/v2",
            "poll": "10ms",
            "wait": "20s",
            **options,
        }
        self.kist.pipeline(
            None,
            source="\n".join(f"{key} = {value}" for key, value in keys.items() if value is not None),
            filters=filters,
            more="\n".join(more),
            sections=sections,
            destinations=destinations,
        )

    def references(self, id):
        """{name of the item: its reference} of a backup."""
        return {item["name"]: item["reference"] for item in self.kist.manifest(id)["items"]}

    def reference(self, id):
        (reference,) = self.references(id).values()
        return reference

    def fails(self, *rule, **action):
        return self.proxy.on(*rule, **action)


def said(status, message="said by the proxy", **fields):
    """An error as Neon words it."""
    text = f'{{"request_id": "r-1", "code": "", "message": "{message}"}}'
    return Answer(status, text, Content_Type="application/json", **fields)
