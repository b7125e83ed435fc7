// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore
import MeshRouting

/// Runs tests against a route table, as Envoy's router check tool does.
///
/// Where a file that passes with that tool would fail here, or the other way round, one of both is wrong, but for two
/// differences: random numbers have all their 64 bits (the tool cuts them to 32), and the response of a redirect has its
/// `location`.
public struct RouteChecker: Sendable {
    private let configuration: RouteConfiguration

    /// Creates a checker of a table.
    public init(_ configuration: RouteConfiguration) {
        self.configuration = configuration
    }

    /// Runs tests.
    /// - Throws: `ConfigurationError` if the table cannot be compiled.
    /// - Complexity: O(tests × routes of their virtual hosts), and one compilation of the table for each runtime key.
    public func run(_ checks: [RouteCheck]) throws(ConfigurationError) -> RouteCheckReport {
        var previewers: [String: RoutePreviewer] = [:]
        let plain = try RoutePreviewer(configuration.with(runtime: ""))
        previewers[""] = plain
        var coverage = RouteCoverage(of: plain.coverageUnits)
        var results: [RouteCheckResult] = []
        for check in checks {
            let previewer: RoutePreviewer
            if let known = previewers[check.input.runtime] {
                previewer = known
            } else {
                // Each holds a whole table.
                if previewers.count >= 16 { previewers = ["": plain] }
                previewer = try RoutePreviewer(configuration.with(runtime: check.input.runtime))
                previewers[check.input.runtime] = previewer
            }
            let preview = previewer.preview(check.input, namesPassedOver: false)
            var comparison = RouteComparison(preview: preview, unit: previewer.coverageUnit(of: preview))
            comparison.compare(with: check.expectation, virtualCluster: previewer.virtualCluster(after: preview))
            if let unit = comparison.unit {
                for field in comparison.met { coverage.cover(unit, field) }
            }
            // Only who failed wants to know why, and only in a line: thousands of tests of thousands of routes fit in memory.
            let reason = comparison.failures.isEmpty ? "" : previewer.preview(check.input, namesPassedOver: true).reason
            results.append(RouteCheckResult(name: check.name, failures: comparison.failures, reason: reason))
        }
        return RouteCheckReport(results: results, coverage: coverage)
    }
}

extension RouteCheck.Input {
    /// The request's head.
    fileprivate var request: PreviewedRequest {
        let scheme = isSecure ? "https" : "http"
        var headers: PreviewedFields = [PreviewedFields.Field("x-forwarded-proto", scheme)]
        if isInternal { headers.append("true", for: "x-envoy-internal") }
        headers.fields += requestHeaders.fields
        return PreviewedRequest(method: method, scheme: scheme, authority: authority, path: path, headers: headers)
    }

    /// What is known besides the head. The tool's caller is this machine.
    fileprivate var facts: RoutingFacts {
        RoutingFacts(random: random, isSecure: isSecure, sourceAddress: "127.0.0.1", metadata: metadata)
    }
}

extension RouteConfiguration {
    /// The table with only one runtime key on: routes with a fraction under any other key, or under none, are off, and a
    /// share of 0 under this one counts as one part.
    fileprivate func with(runtime key: String) -> RouteConfiguration {
        var table = self
        for host in table.virtualHosts.indices {
            table.virtualHosts[host].routes.force(runtime: key)
            table.virtualHosts[host].matcher = virtualHosts[host].matcher?.map { list in
                var list = list
                list.routes.force(runtime: key)
                return list
            }
        }
        return table
    }
}

extension [Route] {
    fileprivate mutating func force(runtime key: String) {
        for position in indices {
            guard var fraction = self[position].match.fraction else { continue }
            let isOn = !key.isEmpty && fraction.key == key
            fraction.share.numerator = isOn ? Swift.max(fraction.share.numerator, 1) : 0
            self[position].match.fraction = fraction
        }
    }
}

extension RoutePreviewer {
    /// Previews the request of a test.
    fileprivate func preview(_ input: RouteCheck.Input, namesPassedOver: Bool) -> RoutePreview {
        preview(
            input.request,
            facts: input.facts,
            response: PreviewedResponse(headers: input.responseHeaders),
            contract: nil,
            namesPassedOver: namesPassedOver
        )
    }

    /// The virtual cluster of a request after its changes: the tool asks for it only then.
    fileprivate func virtualCluster(after preview: RoutePreview) -> String {
        guard preview.forwarding != nil, let place = preview.route else { return "" }
        let clusters = configuration.virtualHosts[place.virtualHost].virtualClusters
        return VirtualCluster.name(of: preview.request, among: clusters) ?? ""
    }

    /// Every route, and each share of weighted clusters, with the fields that a test can look at.
    fileprivate var coverageUnits: [(unit: RouteCoverage.Unit, fields: Set<RouteCoverage.Field>)] {
        var units: [(unit: RouteCoverage.Unit, fields: Set<RouteCoverage.Field>)] = []
        for (position, host) in configuration.virtualHosts.enumerated() {
            for (number, route) in routes[position].enumerated() {
                let place = RoutePreview.Place(virtualHost: position, number: number, name: route.name)
                let unit = RouteCoverage.Unit(virtualHost: host.name, route: place)
                switch route.action {
                case .forward(let forward):
                    let fields: Set<RouteCoverage.Field> = [
                        .cluster, .virtualCluster, .virtualHost, .authority, .path, .timeout,
                    ]
                    if forward.shares.count < 2 {
                        units.append((unit, fields))
                        continue
                    }
                    for (share, cluster) in forward.shares.enumerated() {
                        var part = unit
                        part.share = share
                        part.cluster = cluster.clusterHeader.map { "the cluster of \($0)" } ?? cluster.cluster
                        units.append((part, fields))
                    }
                case .redirect, .directResponse: units.append((unit, [.location, .status]))
                case .nonForwarding: units.append((unit, []))
                }
            }
        }
        return units
    }

    /// What a test of that request covers.
    fileprivate func coverageUnit(of preview: RoutePreview) -> RouteCoverage.Unit? {
        guard let place = preview.route, let name = preview.virtualHost else { return nil }
        var unit = RouteCoverage.Unit(virtualHost: name, route: place)
        if case .forward(let forward) = routes[place.virtualHost][place.number].action, forward.shares.count > 1,
            let share = preview.forwarding?.share
        {
            let cluster = forward.shares[share]
            unit.share = share
            unit.cluster = cluster.clusterHeader.map { "the cluster of \($0)" } ?? cluster.cluster
        }
        return unit
    }
}
