// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension EndpointState {
    /// What follows from the endpoint's load reports, in words behind others; nothing where it sent none.
    /// - Parameter outOfBand: What is known of the call for them; `nil` if there is none.
    func loadSummary(at now: MeshInstant, outOfBand: String?) -> String {
        let weight = reportedWeight.map { weight in
            ", reported weight \(weight.value), \(now.elapsed(since: weight.updatedAt).duration) old"
        }
        let call = outOfBand.map { ", \($0)" } ?? ""
        let refused = refusedLoadReports
        return (weight ?? "") + call + (refused > 0 ? ", \(refused) load reports refused" : "")
    }
}
