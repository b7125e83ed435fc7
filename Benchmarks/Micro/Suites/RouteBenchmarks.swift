// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

/// The ways in which a route tells its requests.
private enum RouteKind: String, CaseIterable {
    case prefix, exact, header, regex

    func match(_ number: Int) -> RouteMatch {
        switch self {
        case .prefix: return RouteMatch(path: PathMatcher(.prefix("/service/\(number)/")))
        case .exact: return RouteMatch(path: PathMatcher(.exact("/service/\(number)/item")))
        case .header:
            return RouteMatch(headers: [HeaderMatcher("end-user", .value(StringMatcher(.exact("user-\(number)"))))])
        case .regex:
            guard let expression = try? RegularExpression("/service/\(number)/[a-z]+") else {
                fatalError("the pattern is valid")
            }
            return RouteMatch(path: PathMatcher(.regularExpression(expression)))
        }
    }

    func request(_ number: Int) -> MinimalRequest {
        MinimalRequest(path: "/service/\(number)/item", header: ("end-user", "user-\(number)"))
    }
}

func routeBenchmarks() -> [Benchmark] {
    RouteKind.allCases.flatMap { kind in
        [10, 1_000, 10_000].flatMap { count in
            [("first", 0), ("last", count - 1), ("none", nil)].map { place, number in
                Benchmark("route/\(kind.rawValue)-\(count)-\(place)", preparing: { body(kind, count, number) })
            }
        }
    }
}

/// Decides one request by a table of that many routes; it takes the route of that number, or none.
private func body(_ kind: RouteKind, _ count: Int, _ number: Int?) -> Benchmark.Body {
    let host = RouteTable<Int>.Host(
        name: "reviews",
        domains: [.exact("reviews")],
        routes: (0..<count).map { (match: kind.match($0), value: $0) }
    )
    guard let table = try? RouteTable([host]) else { fatalError("the table is valid") }
    // The number of one that is not there has as many digits as that of the last one.
    let request = kind.request(number ?? (count - 1) * 2)
    let facts = RoutingFacts(random: 0)
    return { iterations in
        for _ in 0..<iterations {
            let taken: Int? =
                if case .route(_, let position, _) = table.decide(request, facts: facts) { position } else { nil }
            guard taken == number else { fatalError("the wrong route matched") }
        }
    }
}
