// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension MatcherTree {
    /// The same tree with other actions.
    public func map<New: Hashable & Sendable, Failure: Error>(
        _ transform: (Action) throws(Failure) -> New
    ) throws(Failure) -> MatcherTree<New> {
        let root: MatcherTree<New>.Root
        switch self.root {
        case .list(let branches):
            var mapped: [MatcherTree<New>.Branch] = []
            for branch in branches { mapped.append(.init(branch.predicate, try branch.outcome.map(transform))) }
            root = .list(mapped)
        case .exact(let input, let outcomes): root = .exact(input, try Outcome.map(outcomes, transform))
        case .prefix(let input, let outcomes): root = .prefix(input, try Outcome.map(outcomes, transform))
        }
        guard let otherwise else { return MatcherTree<New>(root) }
        return MatcherTree<New>(root, otherwise: try otherwise.map(transform))
    }

    /// What the tree decides for a request; `nil` for nothing. Where a branch finds nothing the search goes on behind it:
    /// with the next branch, the next shorter key, and last with what follows where nothing holds.
    /// - Complexity: O(branches and keys on the way × length of their inputs).
    public func firstAction(_ request: some RequestHead, facts: RoutingFacts) -> Action? {
        firstAction(path: request.path, facts: facts) { request.fieldOrPseudoField($0) }
    }

    func firstAction(path: String, facts: RoutingFacts, field: (HeaderName) -> String?) -> Action? {
        let value: (MatcherInput) -> String? = { $0.value(path: path, facts, field: field) }
        return firstAction(value)
    }

    private func firstAction(_ value: (MatcherInput) -> String?) -> Action? {
        switch root {
        case .list(let branches):
            for branch in branches where branch.predicate.holds(value) {
                if let action = branch.outcome.firstAction(value) { return action }
            }
        case .exact(let input, let outcomes):
            // Strings that differ only in how they compose a character are equal, but not as values of a header.
            if let text = value(input), let position = outcomes.index(forKey: text),
                outcomes[position].key.utf8.elementsEqual(text.utf8),
                let action = outcomes[position].value.firstAction(value)
            {
                return action
            }
        case .prefix(let input, let outcomes):
            guard let text = value(input)?.utf8 else { break }
            let fitting = outcomes.filter { text.starts(with: $0.key.utf8) }
            for (_, outcome) in fitting.sorted(by: { $0.key.utf8.count > $1.key.utf8.count }) {
                if let action = outcome.firstAction(value) { return action }
            }
        }
        return otherwise?.firstAction(value)
    }
}

extension MatcherTree.Outcome {
    fileprivate func firstAction(_ value: (MatcherInput) -> String?) -> Action? {
        let action: Action? =
            switch step {
            case .tree(let tree): tree.firstAction(value)
            case .action(let action): action
            }
        return keepsMatching ? nil : action
    }

    fileprivate func map<New: Hashable & Sendable, Failure: Error>(
        _ transform: (Action) throws(Failure) -> New
    ) throws(Failure) -> MatcherTree<New>.Outcome {
        switch step {
        case .tree(let tree): .init(.tree(try tree.map(transform)), keepsMatching: keepsMatching)
        case .action(let action): .init(.action(try transform(action)), keepsMatching: keepsMatching)
        }
    }

    fileprivate static func map<New: Hashable & Sendable, Failure: Error>(
        _ outcomes: [String: Self],
        _ transform: (Action) throws(Failure) -> New
    ) throws(Failure) -> [String: MatcherTree<New>.Outcome] {
        var mapped: [String: MatcherTree<New>.Outcome] = [:]
        // In order of the keys, so that a transformation which counts is the same each time.
        for (key, outcome) in outcomes.sorted(by: { $0.key < $1.key }) { mapped[key] = try outcome.map(transform) }
        return mapped
    }
}

extension MatcherPredicate {
    fileprivate func holds(_ value: (MatcherInput) -> String?) -> Bool {
        switch self {
        case .value(let input, let matcher): value(input).map { matcher.matches($0) } ?? false
        case .any(let predicates): predicates.contains { $0.holds(value) }
        case .all(let predicates): predicates.allSatisfy { $0.holds(value) }
        case .not(let predicate): !predicate.holds(value)
        }
    }
}

extension MatcherInput {
    fileprivate func value(path: String, _ facts: RoutingFacts, field: (HeaderName) -> String?) -> String? {
        switch self {
        case .header(let name): field(name)
        case .queryParameter(let name): QueryParameterMatcher.firstDecodedValue(of: name, in: path)
        case .sourceAddress: facts.sourceAddress
        }
    }
}
