// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// When a file is read: once it has stood still for a moment.
///
/// Not every program replaces a file as a whole. A change is therefore read only when two looks in a row see the same,
/// and what was read counts only if the file looks the same afterwards. The first look of all reads at once: a file at
/// rest is the rule then.
///
/// ```
///               seen: what is in use                read, and it still looks so
///  at rest ◀────────────────────────── unsettled ◀─┐      ┌──▶ at rest
///     │ seen: something else              ▲ │ seen: the same twice
///     └───────────────────────────────────┘ └──▶ reading ─┘
///                                         ▲         │ read, but it looks different now
///                                         └─────────┘
/// ```
struct FileWatchStateMachine: Sendable {
    /// What to do after a look.
    enum Action: Hashable, Sendable {
        /// Nothing changed: look again after the interval.
        case rest
        /// Something is changing: look again soon.
        case lookAgainSoon
        /// Read the file.
        case read
    }

    /// What to do with a content that was read.
    enum ReadAction: Hashable, Sendable {
        /// It is what the file holds.
        case use
        /// The file changed meanwhile: forget the content and look again soon.
        case lookAgainSoon
    }

    /// Whether the file can be read.
    enum Availability: Hashable, Sendable {
        /// Nobody has tried yet.
        case unknown
        /// It could be, the last time.
        case available
        /// It could not be, for this reason.
        case unavailable(FileProblem)
    }

    private enum State: Hashable, Sendable {
        case unseen
        case atRest
        case unsettled(FileFingerprint)
        case reading(FileFingerprint)
    }

    private var state = State.unseen
    /// What the file looked like whose content was read last; `nil` before the first.
    private var inUse: FileFingerprint?
    /// Whether the file can be read. A look that leads to a reading says nothing yet: that may fail.
    private(set) var availability = Availability.unknown

    /// The file was looked at.
    mutating func seen(_ fingerprint: FileFingerprint) -> Action {
        if fingerprint == inUse {
            state = .atRest
            availability = .available
            return .rest
        }
        guard state == .unseen || state == .unsettled(fingerprint) else {
            state = .unsettled(fingerprint)
            return .lookAgainSoon
        }
        state = .reading(fingerprint)
        return .read
    }

    /// A file was read, and what is in its place was looked at once more.
    mutating func read(_ before: FileFingerprint, lookingLike after: FileFingerprint) -> ReadAction {
        guard state == .reading(before), before == after else {
            state = .unsettled(after)
            return .lookAgainSoon
        }
        inUse = after
        state = .atRest
        availability = .available
        return .use
    }

    /// The file could not be looked at, or not be read. What is in use stays in use.
    mutating func failed(_ problem: FileProblem) {
        state = .atRest
        availability = .unavailable(problem)
    }
}
