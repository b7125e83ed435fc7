// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which routes of a table some test looks at.
///
/// It counts as Envoy's tool does: each share of weighted clusters stands for itself, and a route is covered by a test
/// that matches it and has one of the fields below as it should be. Conditions on headers alone cover nothing.
public struct RouteCoverage: Hashable, Sendable {
    /// A route, or one share of its weighted clusters.
    public struct Unit: Hashable, Sendable, CustomStringConvertible {
        /// The virtual host's name.
        public var virtualHost: String
        /// The route.
        public var route: RoutePreview.Place
        /// The position of the share, and its cluster; `nil` where the route has one cluster, or none.
        public var share: Int?
        /// The cluster of that share.
        public var cluster: String?

        /// The virtual host, the route and the share.
        public var description: String {
            "\(virtualHost) \(route)" + (cluster.map { " to \($0)" } ?? "")
        }
    }

    /// A field that a test can look at.
    public enum Field: String, Hashable, Sendable, CaseIterable {
        /// `cluster_name`.
        case cluster = "cluster_name"
        /// `virtual_cluster_name`.
        case virtualCluster = "virtual_cluster_name"
        /// `virtual_host_name`.
        case virtualHost = "virtual_host_name"
        /// `host_rewrite`.
        case authority = "host_rewrite"
        /// `path_rewrite`.
        case path = "path_rewrite"
        /// `timeout`.
        case timeout
        /// `path_redirect`.
        case location = "path_redirect"
        /// `code_redirect`.
        case status = "code_redirect"
    }

    /// Every unit of the table, in order, with the fields that can be looked at.
    public private(set) var units: [(unit: Unit, fields: Set<Field>)]
    /// The fields that were looked at and were as they should be.
    public private(set) var covered: [Unit: Set<Field>] = [:]

    /// Creates a coverage of nothing.
    init(of units: [(unit: Unit, fields: Set<Field>)]) {
        self.units = units
    }

    /// Notes that a field was as it should be.
    mutating func cover(_ unit: Unit, _ field: Field) {
        covered[unit, default: []].insert(field)
    }

    /// The share of units of which at least one field was looked at, 0 to 1; 1 for a table without routes.
    public var fraction: Double {
        guard !units.isEmpty else { return 1 }
        return Double(units.count { covered[$0.unit] != nil }) / Double(units.count)
    }

    /// The share of all fields of all units that were looked at, 0 to 1: what Envoy's tool calls `--covall`.
    public var comprehensiveFraction: Double {
        guard !units.isEmpty else { return 1 }
        let sum = units.reduce(0) { sum, entry in
            sum + Double(covered[entry.unit, default: []].intersection(entry.fields).count)
                / Double(max(entry.fields.count, 1))
        }
        return sum / Double(units.count)
    }

    /// The units of which no field was looked at.
    public var uncovered: [Unit] {
        units.map(\.unit).filter { covered[$0] == nil }
    }

    /// Whether both say the same.
    public static func == (lhs: RouteCoverage, rhs: RouteCoverage) -> Bool {
        lhs.covered == rhs.covered && lhs.units.elementsEqual(rhs.units) { $0 == $1 }
    }

    /// Feeds what was covered to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(covered)
    }
}
