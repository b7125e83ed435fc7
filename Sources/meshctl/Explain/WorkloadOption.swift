// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshManifests

/// A running instance on the command line: `namespace/service@host:port,label=value,…`.
struct WorkloadOption {
    /// The instance.
    let workload: Workload

    /// Reads an instance.
    init(_ text: String) throws(InputError) {
        let sides = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let names = sides[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = sides.count == 2 ? sides[1].split(separator: ",", maxSplits: 1) : []
        guard names.count == 2, names.allSatisfy({ !$0.isEmpty }), let place = rest.first,
            let address = EndpointAddress(authority: String(place))
        else {
            throw InputError("a workload must be NAMESPACE/SERVICE@HOST:PORT[,LABEL=VALUE…], is \"\(text)\"")
        }
        workload = Workload(
            id: text,
            service: String(names[1]),
            namespace: String(names[0]),
            address: address,
            labels: rest.count == 2 ? try ClientOption.labels(rest[1]) : [:]
        )
    }
}
