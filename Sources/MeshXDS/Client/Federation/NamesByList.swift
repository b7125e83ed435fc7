// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Names that are referred to, by the lists of control planes that they belong to.
struct NamesByList {
    /// All of them.
    private(set) var all: Set<String> = []
    /// Those of each list.
    private(set) var lists: [Set<String>]
    /// Those that belong nowhere, with the reasons.
    private(set) var strays: [String: String] = [:]

    /// No names, for so many lists.
    init(count: Int = 1) {
        lists = Array(repeating: [], count: count)
    }

    init(_ names: Set<String>, of kind: ResourceKind, in lists: ADSServerLists) {
        all = names
        (self.lists, strays) = lists.directory.sort(names, as: kind, into: lists.indices.count)
    }
}
