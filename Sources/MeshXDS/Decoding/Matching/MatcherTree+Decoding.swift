// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

/// The tree by which a virtual host chooses among routes.
typealias RouteTree = MatcherTree<VirtualHost.RouteList>

extension MatcherTree where Action == VirtualHost.RouteList {
    /// What a leaf's message becomes.
    typealias Leaf = (Google_Protobuf_Any, FieldPath, inout DecodingContext) -> Action?

    /// Decodes a tree. A condition that is not supported is an error: without it the tree would choose other routes.
    /// - Parameter leaf: Decodes an action.
    /// - Returns: `nil`, with a problem, if a part of it is bad or not supported.
    init?(
        _ message: Xds_Type_Matcher_V3_Matcher,
        at path: FieldPath,
        _ context: inout DecodingContext,
        leaf: Leaf
    ) {
        let root: Root
        switch message.matcherType {
        case .matcherList(let list):
            let path = path["matcher_list"]
            guard let branches = Self.branches(list, at: path, &context, leaf: leaf) else { return nil }
            root = .list(branches)
        case .matcherTree(let tree):
            guard let map = Self.map(tree, at: path["matcher_tree"], &context, leaf: leaf) else { return nil }
            root = map
        case nil: root = .list([])
        }
        guard message.hasOnNoMatch else {
            guard message.matcherType != nil else {
                context.reject(path, "has neither conditions nor on_no_match")
                return nil
            }
            self.init(root)
            return
        }
        guard let otherwise = Outcome(message.onNoMatch, at: path["on_no_match"], &context, leaf: leaf) else {
            return nil
        }
        self.init(root, otherwise: otherwise)
    }

    private static func branches(
        _ message: Xds_Type_Matcher_V3_Matcher.MatcherList,
        at path: FieldPath,
        _ context: inout DecodingContext,
        leaf: Leaf
    ) -> [Branch]? {
        guard !message.matchers.isEmpty else {
            context.reject(path["matchers"], "is empty")
            return nil
        }
        var branches: [Branch] = []
        for (position, matcher) in message.matchers.enumerated() {
            let path = path["matchers", position]
            guard let predicate = MatcherPredicate(matcher.predicate, at: path["predicate"], &context),
                let outcome = Outcome(matcher.onMatch, at: path["on_match"], &context, leaf: leaf)
            else { return nil }
            branches.append(Branch(predicate, outcome))
        }
        return branches
    }

    private static func map(
        _ message: Xds_Type_Matcher_V3_Matcher.MatcherTree,
        at path: FieldPath,
        _ context: inout DecodingContext,
        leaf: Leaf
    ) -> Root? {
        guard let input = MatcherInput(message.input, at: path["input"], &context) else { return nil }
        let field: String
        let map: Xds_Type_Matcher_V3_Matcher.MatcherTree.MatchMap
        let isExact: Bool
        switch message.treeType {
        case .exactMatchMap(let exact): (field, map, isExact) = ("exact_match_map", exact, true)
        case .prefixMatchMap(let prefix): (field, map, isExact) = ("prefix_match_map", prefix, false)
        case .customMatch:
            context.reject(path["custom_match"], "is not supported")
            return nil
        case nil:
            context.reject(path, "has no map")
            return nil
        }
        guard !map.map.isEmpty else {
            context.reject(path[field]["map"], "is empty")
            return nil
        }
        var outcomes: [String: Outcome] = [:]
        for (key, outcome) in map.map.sorted(by: { $0.key < $1.key }) {
            let path = path[field]["map", key: key]
            guard let outcome = Outcome(outcome, at: path, &context, leaf: leaf) else { return nil }
            outcomes[key] = outcome
        }
        return isExact ? .exact(input, outcomes) : .prefix(input, outcomes)
    }
}

extension MatcherTree.Outcome where Action == VirtualHost.RouteList {
    fileprivate init?(
        _ message: Xds_Type_Matcher_V3_Matcher.OnMatch,
        at path: FieldPath,
        _ context: inout DecodingContext,
        leaf: MatcherTree.Leaf
    ) {
        // Envoy 1.40 refuses it in trees that choose routes, wherever it stands.
        guard !message.keepMatching else {
            context.reject(path["keep_matching"], "is not supported in trees of routes")
            return nil
        }
        switch message.onMatch {
        case .matcher(let tree):
            guard let tree = MatcherTree(tree, at: path["matcher"], &context, leaf: leaf) else { return nil }
            self.init(.tree(tree))
        case .action(let action):
            guard let action = leaf(action.typedConfig, path["action"]["typed_config"], &context) else { return nil }
            self.init(.action(action))
        case nil:
            context.reject(path, "has neither an action nor a matcher")
            return nil
        }
    }
}

extension Xds_Type_Matcher_V3_Matcher {
    /// Encodes a tree.
    init(
        _ tree: RouteTree,
        leaf: (VirtualHost.RouteList) throws -> Google_Protobuf_Any
    ) throws {
        self.init()
        switch tree.root {
        case .list(let branches):
            // A tree that only says what follows otherwise has no list.
            if !branches.isEmpty || tree.otherwise == nil {
                matcherList.matchers = try branches.map { branch in
                    var message = MatcherList.FieldMatcher()
                    message.predicate = try MatcherList.Predicate(branch.predicate)
                    message.onMatch = try OnMatch(branch.outcome, leaf: leaf)
                    return message
                }
            }
        case .exact(let input, let outcomes):
            matcherTree.input = try Xds_Core_V3_TypedExtensionConfig(input)
            matcherTree.exactMatchMap.map = try outcomes.mapValues { try OnMatch($0, leaf: leaf) }
        case .prefix(let input, let outcomes):
            matcherTree.input = try Xds_Core_V3_TypedExtensionConfig(input)
            matcherTree.prefixMatchMap.map = try outcomes.mapValues { try OnMatch($0, leaf: leaf) }
        }
        if let otherwise = tree.otherwise { onNoMatch = try OnMatch(otherwise, leaf: leaf) }
    }
}

extension Xds_Type_Matcher_V3_Matcher.OnMatch {
    fileprivate init(
        _ outcome: RouteTree.Outcome,
        leaf: (VirtualHost.RouteList) throws -> Google_Protobuf_Any
    ) throws {
        self.init()
        keepMatching = outcome.keepsMatching
        switch outcome.step {
        case .tree(let tree): matcher = try Xds_Type_Matcher_V3_Matcher(tree, leaf: leaf)
        case .action(let list):
            action.name = "route_list"
            action.typedConfig = try leaf(list)
        }
    }
}
