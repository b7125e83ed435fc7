// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird
import MeshHummingbird

/// Stars by reviewer. It calls nobody.
struct Ratings: Sendable {
    let instance: String

    func add(to router: Router<BasicMeshRequestContext>) {
        router.get("ratings/:id") { [instance] _, context in
            let id = try context.parameters.require("id", as: Int.self)
            return RatingsPage(id: id, instance: instance, ratings: ["Reviewer1": 5, "Reviewer2": 4])
        }
    }
}

/// Facts about a book. It calls nobody.
struct Details: Sendable {
    let instance: String

    func add(to router: Router<BasicMeshRequestContext>) {
        router.get("details/:id") { [instance] _, context in
            let id = try context.parameters.require("id", as: Int.self)
            return DetailsPage(id: id, instance: instance, author: "William Shakespeare", year: 1595, pages: 200)
        }
    }
}
