// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A tree of conditions with what to do at its leaves (`xds.type.matcher.v3.Matcher`).
public struct MatcherTree<Action: Hashable & Sendable>: Hashable, Sendable {
    /// How the tree's first level decides.
    public indirect enum Root: Hashable, Sendable {
        /// The first predicate that holds (`matcher_list`).
        case list([Branch])
        /// The branch whose key the input equals (`exact_match_map`).
        case exact(MatcherInput, [String: Outcome])
        /// The branch with the longest key that the input starts with (`prefix_match_map`).
        case prefix(MatcherInput, [String: Outcome])
    }

    /// What follows where a branch holds (`OnMatch`).
    public struct Outcome: Hashable, Sendable {
        /// What follows.
        public indirect enum Step: Hashable, Sendable {
            /// Another tree decides; where it finds nothing, nothing was found here.
            case tree(MatcherTree)
            /// This is done.
            case action(Action)
        }

        /// What follows.
        public var step: Step
        /// Whether what is found is left aside, and the search goes on behind it (`keep_matching`). Default `false`.
        public var keepsMatching: Bool

        /// Creates an outcome.
        public init(_ step: Step, keepsMatching: Bool = false) {
            self.step = step
            self.keepsMatching = keepsMatching
        }
    }

    /// A condition and what follows where it holds (`MatcherList.FieldMatcher`).
    public struct Branch: Hashable, Sendable {
        /// The condition.
        public var predicate: MatcherPredicate
        /// What follows.
        public var outcome: Outcome

        /// Creates a branch.
        public init(_ predicate: MatcherPredicate, _ outcome: Outcome) {
            self.predicate = predicate
            self.outcome = outcome
        }
    }

    /// How the first level decides.
    public var root: Root
    /// What follows where nothing holds (`on_no_match`); `nil` for nothing.
    public var otherwise: Outcome?

    /// Creates a tree.
    public init(_ root: Root, otherwise: Outcome? = nil) {
        self.root = root
        self.otherwise = otherwise
    }
}
