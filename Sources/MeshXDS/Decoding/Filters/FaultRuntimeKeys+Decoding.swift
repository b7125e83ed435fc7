// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshResilience

extension FaultRuntimeKeys {
    /// Decodes the keys; those that the message leaves out are Envoy's own.
    init(_ message: Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault) {
        self.init()
        func take(_ key: String, _ place: inout String) {
            if !key.isEmpty { place = key }
        }
        take(message.delayPercentRuntime, &delayPercentage)
        take(message.delayDurationRuntime, &delayDuration)
        take(message.abortPercentRuntime, &abortPercentage)
        take(message.abortHTTPStatusRuntime, &abortStatus)
        take(message.abortGrpcStatusRuntime, &abortGRPCStatus)
        take(message.maxActiveFaultsRuntime, &maximumActive)
        take(message.responseRateLimitPercentRuntime, &responseRatePercentage)
    }
}

extension Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault {
    /// Encodes the keys that are not Envoy's own.
    mutating func set(_ keys: FaultRuntimeKeys) {
        func key(_ path: KeyPath<FaultRuntimeKeys, String>) -> String {
            keys[keyPath: path] == FaultRuntimeKeys.envoy[keyPath: path] ? "" : keys[keyPath: path]
        }
        delayPercentRuntime = key(\.delayPercentage)
        delayDurationRuntime = key(\.delayDuration)
        abortPercentRuntime = key(\.abortPercentage)
        abortHTTPStatusRuntime = key(\.abortStatus)
        abortGrpcStatusRuntime = key(\.abortGRPCStatus)
        maxActiveFaultsRuntime = key(\.maximumActive)
        responseRateLimitPercentRuntime = key(\.responseRatePercentage)
    }
}
