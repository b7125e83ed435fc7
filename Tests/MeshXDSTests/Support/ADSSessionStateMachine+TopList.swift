// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

@testable import MeshXDS

/// What most tests are about: the list at the top of the bootstrap.
extension ADSSessionStateMachine {
    var subscriptions: [ResourceKind: ADSSubscription] { servers[0].subscriptions }
    var wantedServers: Int { serverCounts[0] }
    var ignoredFields: [String] { ignoredFields(of: 0) }
}
