// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which list of control planes is asked for a name (gRFC A47).
struct ServerDirectory: Sendable {
    /// Where a name belongs.
    enum Place: Hashable {
        /// To the list at this place; the one at the top of the bootstrap is the first.
        case list(Int)
        /// To nobody, and why: it is not asked for, and does not exist.
        case nowhere(String)
    }

    /// The lists by the authorities that have them.
    private let lists: [String: Int]

    init(lists: [String: Int] = [:]) {
        self.lists = lists
    }

    /// The list of a name, whatever else may be wrong with it; `nil` if there is none.
    func list(of name: String) -> Int? {
        guard XDSResourceName.isNewStyle(name) else { return 0 }
        return name.resourceAuthority.flatMap { lists[String($0)] }
    }

    /// Where the name of a resource belongs.
    func place(of name: String, as kind: ResourceKind) -> Place {
        guard XDSResourceName.isNewStyle(name) else { return .list(0) }
        do {
            let parsed = try XDSResourceName(name)
            guard let list = lists[parsed.authority] else {
                return .nowhere("the bootstrap has no authority \"\(parsed.authority)\"")
            }
            guard parsed.type == kind.rawValue else {
                return .nowhere("is the name of a \(parsed.type), not of a \(kind.rawValue)")
            }
            return .list(list)
        } catch {
            return .nowhere("the name " + error.problems.map(\.message).joined(separator: ", "))
        }
    }

    /// The names of each of `count` lists, and those that belong nowhere, with the reasons.
    func sort(
        _ names: Set<String>,
        as kind: ResourceKind,
        into count: Int
    ) -> (lists: [Set<String>], strays: [String: String]) {
        var sorted = Array(repeating: Set<String>(), count: count)
        guard names.contains(where: { XDSResourceName.isNewStyle($0) }) else {
            sorted[0] = names
            return (sorted, [:])
        }
        var strays: [String: String] = [:]
        for name in names {
            switch place(of: name, as: kind) {
            case .list(let list): sorted[list].insert(name)
            case .nowhere(let reason): strays[name] = reason
            }
        }
        return (sorted, strays)
    }
}
