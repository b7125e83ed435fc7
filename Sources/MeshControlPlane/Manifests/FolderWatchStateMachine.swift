// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// When a folder's files are read: once what is there has stood still for a moment.
///
/// Files are not written at once, and an edit may touch several of them. A change is therefore read only when two looks
/// in a row see the same, and what was read counts only if the folder looks the same afterwards. The first look reads at
/// once: files at rest are the rule then.
///
/// ```
///            seen: the same as before                 read, and the folder still looks so
///  at rest ◀─────────────────────────── unsettled ◀──┐      ┌──▶ at rest
///     │ seen: something else               ▲ │ seen: the same twice
///     └────────────────────────────────────┘ └──▶ reading ──┘
///                                          ▲          │ read, but it looks different now
///                                          └──────────┘
/// ```
struct FolderWatchStateMachine: Sendable {
    /// What to do after a look.
    enum Action: Hashable, Sendable {
        /// Nothing changed: look again after the interval.
        case rest
        /// Something is changing: look again soon.
        case lookAgainSoon
        /// Read the files that were seen.
        case read(FolderListing)
    }

    /// What to do with files that were read.
    enum ReadAction: Hashable, Sendable {
        /// They are what the folder holds.
        case use
        /// Something changed meanwhile: forget them and look again soon.
        case lookAgainSoon
    }

    private enum State: Hashable, Sendable {
        case atRest
        case unsettled(FolderListing)
        case reading(FolderListing)
    }

    private var state = State.atRest
    /// What the files in use looked like; `nil` before the first reading.
    private var inUse: FolderListing?
    /// What kept the last look from succeeding; `nil` if it succeeded.
    private(set) var problem: FolderProblem?

    /// The folder was looked at.
    mutating func seen(_ listing: FolderListing) -> Action {
        problem = nil
        if listing == inUse {
            state = .atRest
            return .rest
        }
        guard inUse == nil || state == .unsettled(listing) else {
            state = .unsettled(listing)
            return .lookAgainSoon
        }
        state = .reading(listing)
        return .read(listing)
    }

    /// The files were read, and the folder was looked at once more.
    mutating func read(lookingLike after: FolderListing) -> ReadAction {
        guard case .reading(let before) = state, before == after else {
            state = .unsettled(after)
            return .lookAgainSoon
        }
        inUse = after
        state = .atRest
        return .use
    }

    /// The folder could not be looked at, or a file could not be read. What is in use stays in use.
    mutating func failed(_ problem: FolderProblem) {
        state = .atRest
        self.problem = problem
    }
}
