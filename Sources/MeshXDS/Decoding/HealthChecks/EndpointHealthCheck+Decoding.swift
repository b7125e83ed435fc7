// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension EndpointHealthCheck {
    private static let read = ReadFields(
        Envoy_Config_Endpoint_V3_Endpoint.HealthCheckConfig.self,
        "port_value",
        "hostname",
        "address",
        "disable_active_health_check"
    )

    /// Decodes what of a check is an endpoint's own.
    /// - Returns: `nil`, with a problem, if it is bad.
    init?(
        _ message: Envoy_Config_Endpoint_V3_Endpoint.HealthCheckConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard let port = UInt16(exactly: message.portValue) else {
            context.reject(path["port_value"], "must be at most 65535, is \(message.portValue)")
            return nil
        }
        var address: EndpointAddress?
        if message.hasAddress {
            address = EndpointAddress(message.address, at: path["address"], &context)
            guard address != nil else { return nil }
        }
        guard context.requireFieldValue(message.hostname, at: path["hostname"]) else { return nil }
        self.init(
            address: address,
            port: port == 0 ? nil : port,
            hostname: message.hostname,
            isDisabled: message.disableActiveHealthCheck
        )
    }
}

extension Envoy_Config_Endpoint_V3_Endpoint {
    /// Encodes what of a check is the endpoint's own, if anything is.
    mutating func set(_ check: EndpointHealthCheck) {
        guard check != EndpointHealthCheck() else { return }
        healthCheckConfig.portValue = UInt32(check.port ?? 0)
        healthCheckConfig.hostname = check.hostname
        healthCheckConfig.disableActiveHealthCheck = check.isDisabled
        if let address = check.address { healthCheckConfig.address = Envoy_Config_Core_V3_Address(address) }
    }
}
