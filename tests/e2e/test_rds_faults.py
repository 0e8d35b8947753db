"""RDS on a bad day: no backup is told of that is not there, and nothing of anybody else's is lost."""
import pytest
from clock import skewed_by
from kist import sanitizer_options
from rds_kist import KEEP_ONE, REGION, Account, Watch, failed

FAR = "us-east-1"
CANARY = "c4nary/of+the/secret"
DAY = 86400


@pytest.fixture(params=["instance", "cluster"])
def either(request, plain_kist, rds):
    account = Account(plain_kist, rds, cluster=request.param == "cluster")
    rds.snapshot(REGION, "somebodys", account.shop)
    return account


def make(account):
    return "CreateDBClusterSnapshot" if account.is_cluster else "CreateDBSnapshot"


# ---- FAULTS 19: a snapshot that does not become one ----


def test_stuck_in_creating(either):
    """The deadline ends the run. What is being made cannot be deleted yet: that is waited for, if not for long."""
    account = either
    account.write(wait="1s")
    watch = Watch(account)
    account.fake.on(make(account), becomes="stuck")
    account.fake.on(make(account).replace("Create", "Delete"), nth=2, first=lambda call: finish_all(account))
    result = failed(account)
    assert "creating" in result.errors[0] and "hint:" in result.err and 1 < result.took < 15, result
    assert not list((account.kist.folder / "disk").rglob("*.json")), "committed at 'available' only"
    assert account.fake.count(make(account)) == 1
    account.write()
    watch.after_failure("somebodys")


def finish_all(account):
    for snapshot in account.fake.snapshots(REGION, account.is_cluster).values():
        snapshot.finish()


def test_stuck_for_longer(account):
    """What could not be deleted goes in the next run."""
    account.write(wait="1s")
    watch = Watch(account)
    account.fake.on("CreateDBSnapshot", becomes="stuck")
    account.fake.on("DeleteDBSnapshot", error=(403, "AccessDenied", "not now"), times=None)
    assert "next run" in failed(account).err
    (stuck,) = set(account.snapshots()) - set(watch.before)
    watch.no_new_backup(stuck)
    finish_all(account)
    account.fake.clear()
    account.backup()
    account.is_whole("somebodys")


@pytest.mark.parametrize("end", ["failed", "vanished"])
def test_ends_badly(either, end):
    account = either
    account.fake.on(make(account), becomes=end)
    watch = Watch(account)
    result = failed(account)
    assert ("failed" if end == "failed" else "vanish") in result.errors[0] and result.took < 15, result
    assert account.snapshots() == watch.before, "a failed one is of no use to anybody"
    watch.after_failure("somebodys")


def test_seen_late(account):
    """An empty list right behind the creation says nothing."""
    account.fake.on("CreateDBSnapshot", becomes="late")
    account.backup()
    account.is_whole("somebodys")


def test_said_to_be_there_before_it_is(account):
    """What the creation answers is no confirmation."""
    account.fake.looks = 0
    account.fake.on("CreateDBSnapshot", then=lambda call: call.made.begin("creating", 4))
    account.backup()
    assert account.fake.count("DescribeDBSnapshots") >= 4
    account.is_whole("somebodys")


def test_a_copy_that_fails(account):
    account.write(copy_to=FAR)
    account.fake.on("CopyDBSnapshot", becomes="failed")
    watch = Watch(account)
    assert FAR in failed(account).err
    assert account.snapshots(FAR) == {} and account.snapshots() == watch.before
    watch.no_new_backup()
    account.fake.clear()
    account.backup()
    account.is_whole("somebodys", regions=[REGION, FAR])


# ---- FAULTS 20: the quota ----


@pytest.mark.parametrize("action", ["CreateDBSnapshot", "CopyDBSnapshot"])
def test_quota(account, action):
    if action == "CopyDBSnapshot":
        account.write(copy_to=FAR)
        account.fake.on(action, error=(400, "SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots"))
    else:
        account.fake.quota = 2
    watch = Watch(account)
    result = failed(account)
    assert "SnapshotQuotaExceeded" in result.err or "100 manual" in result.err or "quota" in result.err, result
    assert "hint:" in result.err and result.took < 10, result
    assert account.fake.count(action) == 1, "it will not be another tomorrow"
    deleted = [dict(call.pairs)["DBSnapshotIdentifier"] for call in account.fake.calls("DeleteDBSnapshot")]
    assert not set(deleted) & set(watch.before), "nothing is deleted to make room"
    assert account.snapshots() == watch.before
    account.fake.quota = 100
    watch.after_failure("somebodys")


# ---- lost replies, and names that are taken ----


def test_lost_reply_of_create(either):
    account = either
    account.fake.on(make(account), lost=True)
    account.backup()
    account.is_whole("somebodys")
    assert account.fake.count(make(account)) <= 2


@pytest.mark.parametrize("action", ["CreateDBSnapshot", "CopyDBSnapshot"])
def test_refused_though_it_was_done(account, action):
    account.write(copy_to=FAR)
    account.fake.on(action, error=(503, "ServiceUnavailable", "later"), acted=True)
    account.backup()
    account.is_whole("somebodys", regions=[REGION, FAR])


def test_busy_with_what_it_has_lost_sight_of(account):
    """The reply is lost, the snapshot not listed yet, and the instance takes no other while it is being made."""
    account.fake.on("CreateDBSnapshot", lost=True, becomes="late")
    refusal = (400, "InvalidDBInstanceState", "Instance shop is not currently in the available state.")
    account.fake.on("CreateDBSnapshot", error=refusal, times=None)
    account.backup()
    account.is_whole("somebodys")


def test_lost_request_of_create(account):
    account.fake.on("CreateDBSnapshot", cut=True)
    account.backup()
    account.is_whole("somebodys")


def test_lost_reply_of_copy(account):
    account.write(copy_to=FAR)
    account.fake.on("CopyDBSnapshot", lost=True)
    id = account.backup()
    assert account.snapshots(FAR) == {account.held(id)[FAR]: "available"}


@pytest.mark.parametrize("words", [[], ["--latest"]])
def test_lost_reply_of_restore(account, words):
    action = "RestoreDBInstanceToPointInTime" if words else "RestoreDBInstanceFromDBSnapshot"
    account.fake.on(action, lost=True)
    account.kist.run("restore", "p", "--to", "shop-copy", *words)
    assert account.databases() == ["shop", "shop-copy"]


def test_lost_reply_of_delete(account):
    account.write(KEEP_ONE)
    account.fake.on("DeleteDBSnapshot", lost=True)
    id = account.backup()
    assert account.ids() == [id]
    account.is_whole("somebodys")


def planted(account, tags, **more):
    """Somebody takes the name just before kist asks for it; `tags` are a function of the tags that kist would give."""

    def plant(call):
        given = dict(call.pairs)
        keys = {given[f"Tags.Tag.{n}.Key"]: given[f"Tags.Tag.{n}.Value"] for n in (1, 2, 3)}
        account.fake.snapshot(REGION, given["DBSnapshotIdentifier"], account.shop, tags=tags(keys))

    account.fake.on("CreateDBSnapshot", first=plant, **more)


def test_taken_by_our_own(account):
    """As after a reply that was lost on the way: it is the snapshot of this backup."""
    planted(account, lambda ours: ours)
    account.backup()
    account.is_whole("somebodys")


TAKEN = {
    "nobody's": lambda ours: {},
    "another backup's": lambda ours: {**ours, "kist:backup": "2020-01-01T00-00-00Z"},
    # A clone of the machine with the same pipeline, which ran in the same second.
    "another machine's": lambda ours: {**ours, "kist:owner": "0123456789abcdef"},
}


@pytest.mark.parametrize("whose", TAKEN)
def test_taken_by_another(account, whose):
    planted(account, TAKEN[whose])
    watch = Watch(account)
    result = failed(account)
    assert "did not make" in result.errors[0], result
    (stray,) = set(account.snapshots()) - set(watch.before)
    assert account.fake.count("DeleteDBSnapshot") == 0
    # The next run may come so soon that it takes the same name.
    del account.fake.region(REGION).snapshots[stray]
    watch.after_failure("somebodys")


def test_of_another_machine_after_a_failure(account):
    """Nor is that swept which another one has made in the same second for a pipeline of that name."""
    planted(account, TAKEN["another machine's"], error=(403, "AccessDenied", "not authorized"))
    result = failed(account)
    assert "another machine" in result.err and account.fake.count("DeleteDBSnapshot") == 0, result
    assert len(account.snapshots()) == 3


# ---- refusals ----


def test_throttled(account):
    for action in ("CreateDBSnapshot", "DescribeDBSnapshots"):
        account.fake.on(action, error=(400, "Throttling", "Rate exceeded"), times=2)
    account.backup()
    account.is_whole("somebodys")
    assert account.fake.count("CreateDBSnapshot") == 3


PASSING = [(503, "ServiceUnavailable"), (500, "InternalFailure"), (400, "RequestLimitExceeded")]


@pytest.mark.parametrize("answer", PASSING)
def test_passing(account, answer):
    account.fake.on("CreateDBSnapshot", error=(*answer, "try again"))
    account.backup()
    account.is_whole("somebodys")


KEYS = {
    "secret": ({"secret_key": CANARY}, "SignatureDoesNotMatch"),
    "nobody's": ({"access_key": "AKIDNOBODYKNOWS0"}, "InvalidClientTokenId"),
    "expired": (None, "ExpiredToken"),
}


@pytest.mark.parametrize("what", KEYS)
def test_keys_that_are_not_good(account, what):
    """One clear line and no storm."""
    change, code = KEYS[what]
    if not change:
        key, secret, token = account.fake.temporary(-1)
        change = {"access_key": key, "secret_key": secret, "session_token": token}
    account.write(**change)
    for words in (("run", "p"), ("doctor", "p"), ("restore", "p", "--to", "shop-copy")):
        account.fake.clear()
        result = account.kist.run(*words, expect=None)
        assert result.code in (1, 2) and result.took < 10, result
        text = result.out + result.err
        assert code in text and not any(secret in text for secret in change.values() if len(secret) > 20), result
        # A restore may ask whether it is there, and where it goes.
        assert len(account.fake.refused) <= 3 and not account.fake.requests, account.fake.refused
        if words[0] == "run":
            assert code in result.is_one_error(), result
    assert account.ids() == [account.first]
    account.write()
    account.backup()


def test_refused_and_listed_late(account):
    """A run gives up what was made all the same, and what is not listed when it looks for it first."""
    refusal = (403, "AccessDenied", "not authorized")
    account.fake.on("CreateDBSnapshot", error=refusal, acted=True, then=lambda call: setattr(call.made, "hidden", 1))
    watch = Watch(account)
    failed(account)
    watch.no_new_backup()


def test_not_allowed(account):
    text = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: rds:CreateDBSnapshot"
    account.fake.on("CreateDBSnapshot", error=(403, "AccessDenied", text), times=None)
    watch = Watch(account)
    assert "rds:CreateDBSnapshot" in failed(account).err and account.fake.count("CreateDBSnapshot") == 1
    watch.after_failure("somebodys")


def test_no_such_instance(account):
    account.write(instance="nowhere")
    assert "nowhere" in failed(account, expect=None).err
    assert account.kist.run("doctor", "p", expect=None).code in (1, 2)


@pytest.mark.parametrize("status", ["stopped", "deleting"])
def test_an_instance_that_is_not_there_now(account, status):
    account.shop.status = status
    account.write(wait="2s")
    assert f"'{status}'" in failed(account, expect=None).errors[0]
    account.shop.status = "available"
    account.backup()


@pytest.mark.parametrize("skew", [-7 * DAY, 3600])
def test_a_wrong_clock(account, skew):
    """It goes by the service's clock."""
    env = {**skewed_by(account.kist.folder, skew), "ASAN_OPTIONS": sanitizer_options(verify_asan_link_order="0")}
    before = len(account.snapshots())
    result = account.kist.run("restore", "p", "--to", "shop-copy", env=env)
    assert account.databases() == ["shop", "shop-copy"] and "clock" in result.err, result
    assert len(account.snapshots()) == before and len(account.fake.refused) <= 3


def test_keys_that_expire_meanwhile(account, tmp_path):
    """Those that a role gave are fetched anew; nothing is made twice."""
    profile = tmp_path / "config"
    role = next(iter(account.fake.roles))
    profile.write_text(
        f"[profile night]\nrole_arn = {role}\nsource_profile = base\n"
        f"[profile base]\naws_access_key_id = {account.fake.access_key}\n"
        f"aws_secret_access_key = {account.fake.secret_key}\n"
    )
    profile.chmod(0o600)

    def expire(call):
        account.fake.keys[call.caller.key].expires = 1

    account.fake.on("CreateDBSnapshot", then=expire)
    account.write(access_key=None, secret_key=None, profile="night")
    env = {"AWS_CONFIG_FILE": str(profile), "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    account.run(env={**env, "AWS_ENDPOINT_URL_STS": account.fake.url, "AWS_EC2_METADATA_DISABLED": "true"})
    assert account.fake.count("AssumeRole") == 2 and account.fake.refused == ["ExpiredToken"]
    account.is_whole("somebodys")
