// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension ClusterEndpoint {
    private static let readAdditional = ReadFields(
        Envoy_Config_Endpoint_V3_Endpoint.AdditionalAddress.self,
        "address"
    )

    /// Decodes the other addresses of an endpoint; whether they may be so is for the whole assignment to say.
    static func additionalAddresses(
        of endpoint: Envoy_Config_Endpoint_V3_Endpoint,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [EndpointAddress]? {
        var addresses: [EndpointAddress] = []
        for (position, other) in endpoint.additionalAddresses.enumerated() {
            let path = path["additional_addresses", position]
            context.ignoreOthers(in: other, at: path, read: readAdditional)
            guard let address = EndpointAddress(other.address, at: path["address"], &context) else { return nil }
            addresses.append(address)
        }
        return addresses
    }
}
