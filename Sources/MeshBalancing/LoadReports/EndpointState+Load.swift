// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

extension EndpointState {
    /// The weight that follows from its load reports, if there were any; a balancer may not use it yet, or no more.
    public var reportedWeight: ReportedWeight? { loads.weight }

    /// How many of its load reports could not be read.
    public var refusedLoadReports: UInt64 { loads.refused.load(ordering: .relaxed) }

    /// One of its load reports could not be read.
    public func noteRefusedLoadReport() {
        loads.refused.wrappingAdd(1, ordering: .relaxed)
    }
}
