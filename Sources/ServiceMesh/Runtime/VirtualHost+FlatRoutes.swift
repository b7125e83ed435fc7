// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshRouting

extension VirtualHost {
    /// The virtual host's routes as one list; and where a tree chooses among them, the tree with the positions of its
    /// leaves' routes in that list.
    var flatRoutes: (routes: [Route], tree: MatcherTree<Range<Int>>?) {
        guard let matcher else { return (routes, nil) }
        var routes: [Route] = []
        let tree = matcher.map { list -> Range<Int> in
            let start = routes.count
            routes += list.routes
            return start..<routes.count
        }
        return (routes, tree)
    }
}
