//! Schedules that once showed something, followed in every run of the tests.
//!
//! `OPEN` are those whose end nothing explains to this day; the README says of each what it means. One that is mended
//! fails its test: it then goes to `CLOSED`, and out of the README. There too are orders that one check alone keeps right.

/// A schedule of a scenario, and what it shows.
pub(crate) struct Kept {
    /// What happens, in words.
    pub(crate) what: &'static str,
    /// The name of the scenario.
    pub(crate) scenario: &'static str,
    pub(crate) schedule: &'static [&'static str],
    /// How many seconds late everything shows.
    pub(crate) late: u64,
    /// What is wrong at the end, or a part of it.
    pub(crate) shows: &'static str,
}

pub(crate) const OPEN: &[Kept] = &[
    Kept {
        what: "a claim of the domain's policy that takes effect after another stack's claim and put writes over that one's \
               mark and then takes it off: the policy is left without an owner",
        scenario: "two Creates with different policies in a domain that is there",
        schedule: &[
            "alpha: GetRepositoryEndpoint alpha",
            "beta first: ListTagsForResource kloudvin-pkgs",
        ],
        late: 0,
        shows: "policy-repository: got null",
    },
    Kept {
        what: "a put of the domain's policy that takes effect after another stack's claim and put writes over that one's policy, \
               and is taken back: the other stack has none",
        scenario: "two Creates with different policies in a domain that is there",
        schedule: &[
            "alpha: ListTagsForResource kloudvin-pkgs (2)",
            "beta: GetDomainPermissionsPolicy kloudvin-pkgs (2)",
            "alpha: to its end",
        ],
        late: 0,
        shows: "/kloudvin-pkgs/policy: got null",
    },
    Kept {
        what: "a claim of a repository that takes effect after another's claim and its second look writes over that: both \
               Creates succeed",
        scenario: "two adoptions of one repository",
        schedule: &[
            "beta: ListTagsForResource kloudvin-pkgs/byhand (2)",
            "alpha: TagResource kloudvin-pkgs/byhand (2)",
            "time passes",
            "alpha: GetRepositoryEndpoint byhand (2)",
        ],
        late: 0,
        shows: "no order of the requests explains their answers",
    },
    Kept {
        what: "the same where reads lag: the one whose claim came last sees the other's, and is refused; its mark stays",
        scenario: "two adoptions of one repository",
        schedule: &[
            "alpha: ListTagsForResource kloudvin-pkgs/byhand (2)",
            "beta: to its end",
        ],
        late: 2,
        shows: "/kloudvin-pkgs/repositories/byhand/tags/codeartifact-stack:stack-id: got",
    },
    Kept {
        what: "a proxy that someone recreates after it was looked at is taken for the old one, and gets its tags",
        scenario: "an Update while a stranger recreates the proxy",
        schedule: &[
            "alpha: TagResource kloudvin-pkgs",
            "stranger: CreateRepository alpha-upstream",
        ],
        late: 0,
        shows: "/kloudvin-pkgs/repositories/alpha",
    },
    Kept {
        what: "a Create whose first write takes effect after the Delete that cancelled it has looked for the last time: what \
               it makes stays",
        scenario: "a Create and the Delete that cancels it",
        schedule: &["create: DescribeRepository alpha", "cancel: to its end"],
        late: 0,
        shows: "/kloudvin-pkgs: got {",
    },
    Kept {
        what: "the same in a domain that is there, and with a policy for it",
        scenario: "a Create with a policy and the Delete that cancels it",
        schedule: &["create: DescribeRepository alpha", "cancel: to its end"],
        late: 2,
        shows: "/kloudvin-pkgs/repositories/alpha: got {",
    },
    Kept {
        what: "the same of a Create that adopts",
        scenario: "a Create that adopts and the Delete that cancels it",
        schedule: &["create: DescribeRepository byhand", "cancel: to its end"],
        late: 2,
        shows: "codeartifact-stack:adopted: got \"true\"",
    },
];

pub(crate) const CLOSED: &[Kept] = &[
    Kept {
        what: "an Update takes the policy that it put back, for the stranger took its mark off; it still shows where reads lag, \
               and was taken for an equivalent one that is there: SUCCESS without a policy",
        scenario: "an Update while a stranger takes the policy's mark off",
        schedule: &[],
        late: 2,
        shows: "/kloudvin-pkgs/policy: got null",
    },
    Kept {
        what: "a cancelled Create puts its policy between the Delete's removal of the policy and of the mark, and finds both \
               mark and repository still its own: the policy is left without an owner",
        scenario: "a Create with a policy and the Delete that cancels it",
        schedule: &[
            "create: GetDomainPermissionsPolicy kloudvin-pkgs (2)",
            "cancel: DeleteDomainPermissionsPolicy kloudvin-pkgs",
            "create: ListTagsForResource kloudvin-pkgs/alpha (2)",
        ],
        late: 0,
        shows: "/kloudvin-pkgs/policy: got [",
    },
    Kept {
        what: "a claim that was planned before another stack made its own is looked at once more first, and not written over that",
        scenario: "two adoptions of one repository",
        schedule: &["beta: ListTagsForResource kloudvin-pkgs/byhand", "alpha: to its end"],
        late: 0,
        shows: "no order of the requests explains their answers",
    },
    Kept {
        what: "a claim that another's has just written over is looked at once more after, and nothing else is changed for it",
        scenario: "two adoptions of one repository, each in its own words",
        schedule: &[
            "alpha: ListTagsForResource kloudvin-pkgs/byhand (2)",
            "beta: ListTagsForResource kloudvin-pkgs/byhand (2)",
            "alpha: TagResource kloudvin-pkgs/byhand",
            "beta: to its end",
        ],
        late: 0,
        shows: "no order of the requests explains their answers",
    },
];
