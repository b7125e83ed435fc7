// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// Values of the runtime, and the keys that settings have for them.
extension ResourceGenerator {
    mutating func runtimeLayer(_ name: String) -> RuntimeLayer {
        let keys = [
            "routing.share", "weights.v1", "weights.v2", "fault.http.abort.abort_percent", "own.delay", "limit.enabled",
            "balancing.bias", "balancing.aggression", "nobody.asks", "ü.with space",
        ]
        var layer = RuntimeLayer(name: name)
        for key in keys where chance(40) { layer.values[key] = runtimeValue() }
        return layer
    }

    private mutating func runtimeValue() -> RuntimeValue {
        switch below(5) {
        case 0: .fraction(percent())
        case 1: .integer(pick([0, 1, 100, 101, 1 << 53, UInt64(Int64.max), .max]))
        case 2: .boolean(chance())
        case 3: .number(pick([-1, 0.5, 99.9, -1e300]))
        default: .text(pick(["", "word", "1.2.3"]))
        }
    }

    mutating func faultKeys() -> FaultRuntimeKeys {
        FaultRuntimeKeys(
            delayPercentage: pick([FaultRuntimeKeys.envoy.delayPercentage, "own.delay"]),
            delayDuration: "own.duration",
            abortPercentage: pick([FaultRuntimeKeys.envoy.abortPercentage, "own.abort"]),
            abortStatus: "own.status",
            abortGRPCStatus: "own.grpc",
            maximumActive: "own.active",
            responseRatePercentage: "own.rate"
        )
    }

    mutating func admissionKeys() -> AdmissionRuntimeKeys {
        AdmissionRuntimeKeys(
            enabled: pick(["", "limit.enabled"]),
            aggression: "admission.aggression",
            threshold: pick(["", "admission.threshold"]),
            minimumRate: "admission.rate",
            maximumRefusal: "admission.refusal"
        )
    }
}
