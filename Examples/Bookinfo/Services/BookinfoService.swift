// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import MeshHTTP
import MeshHummingbird

/// The services of Bookinfo. Each is an ordinary Hummingbird application: what is mesh about it is one client and one
/// middleware.
enum BookinfoService: String, Sendable {
    case productpage, details, reviews, ratings

    /// The routes of the service.
    func routes(
        _ router: Router<BasicMeshRequestContext>,
        version: String,
        instance: String,
        slowness: Slowness,
        client: MeshHTTPClient
    ) {
        switch self {
        case .productpage: ProductPage(instance: instance, client: client).add(to: router)
        case .details: Details(instance: instance).add(to: router)
        case .reviews: Reviews(version: version, instance: instance, client: client).add(to: router)
        case .ratings: Ratings(instance: instance, slowness: slowness).add(to: router)
        }
    }
}

/// What the services call each other by.
enum BookinfoHost {
    static let details = "details:9080"
    static let reviews = "reviews:9080"
    static let ratings = "ratings:9080"
}

/// Headers that these applications, like many, pass from hop to hop: their user, and whatever a forger sent along.
/// Traces and deadlines are not among them: those are the mesh's work.
enum PassedOnHeaders {
    static let names = ["end-user", "x-forwarded-client-cert"].compactMap { HTTPField.Name($0) }

    static func copy(from request: HTTPRequest, to next: inout HTTPRequest) {
        for name in names { next.headerFields[name] = request.headerFields[name] }
    }
}

/// Header fields that page and reviews write into what they send each other, for routes to change.
enum OwnHeaders {
    static func fields(of service: BookinfoService, instance: String) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in [("x-edition", "quarto"), ("x-trail", service.rawValue), ("x-instance", instance)] {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return fields
    }
}

extension HTTPFields {
    /// What the services tell of the fields that they got: the user, and those of applications and mesh, but no identity.
    var told: [String: String] {
        reduce(into: [:]) { told, field in
            let name = field.name.canonicalName
            guard name == "end-user" || name.hasPrefix("x-"), name != "x-forwarded-client-cert" else { return }
            told[name] = told[name].map { "\($0), \(field.value)" } ?? field.value
        }
    }
}
