// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Hummingbird
import MeshHummingbird

/// Stars by reviewer. It calls nobody.
struct Ratings: Sendable {
    let instance: String
    let slowness: Slowness

    func add(to router: Router<BasicMeshRequestContext>) {
        router.get("ratings/:id") { [instance, slowness] _, context in
            try await slowness.wait()
            let id = try context.parameters.require("id", as: Int.self)
            return RatingsPage(id: id, instance: instance, ratings: ["Reviewer1": 5, "Reviewer2": 4])
        }
    }
}

/// How long an instance takes for each answer: what stands in a file, for scenes that want it slow.
struct Slowness: Sendable {
    /// A number of milliseconds; the instance is as fast as it can while there is no such file, and if there is no path.
    let path: String?

    func wait() async throws {
        guard let path, let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
        guard let time = UInt64(text) else { return }
        try await Pause.milliseconds(time)
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
