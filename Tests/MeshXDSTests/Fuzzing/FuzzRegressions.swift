// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf
import Testing

@testable import MeshXDS

/// An input that once did what must not be.
struct FuzzRegression: Sendable, CustomTestStringConvertible {
    var target: String
    /// What it did.
    var symptom: String
    var input: [UInt8]

    var testDescription: String { "\(target): \(symptom)" }
}

/// Inputs that ended a run go in here, as their digits (`.init(hexadecimal:)`) or, where they are long, as what makes them.
enum FuzzRegressions {
    static let all: [FuzzRegression] = [
        FuzzRegression(target: "routes", symptom: "a reason of 256 paths with one long key in each", input: longKey),
        FuzzRegression(
            target: "requests",
            symptom: "a refusal of one endless character was kept",
            input: endlessRefusal
        ),
        FuzzRegression(target: "requests", symptom: "a node grew behind the first request", input: growingNode),
        FuzzRegression(target: "responses", symptom: "a refusal of one endless character was sent", input: endlessName),
    ]

    private static let endless = "e" + String(repeating: "\u{301}", count: 300_000)

    private static var longKey: [UInt8] {
        let packed = try? Google_Protobuf_Any(
            packing: Envoy_Extensions_Filters_Http_Rbac_V3_RBACPerRoute.with {
                $0.rbac.rules.action = .UNRECOGNIZED(9)
            }
        )
        let routes = Envoy_Config_Route_V3_RouteConfiguration.with { routes in
            routes.name = "r"
            routes.virtualHosts = (0..<300).map { number in
                .with {
                    $0.name = "\(number)"
                    $0.domains = ["\(number)"]
                    $0.typedPerFilterConfig[String(repeating: "k", count: 10_000)] = packed
                }
            }
        }
        return (try? routes.serializedBytes()) ?? []
    }

    private static func requests(_ change: (inout Envoy_Service_Discovery_V3_DiscoveryRequest) -> Void) -> [UInt8] {
        var first = Envoy_Service_Discovery_V3_DiscoveryRequest()
        first.node.id = "n"
        first.typeURL = ResourceKind.cluster.typeURL
        var second = first
        second.clearNode()
        second.responseNonce = "1"
        change(&second)
        return FuzzScript.bytes([first, second].compactMap { try? $0.serializedBytes() })
    }

    private static var endlessRefusal: [UInt8] {
        requests { $0.errorDetail.message = endless }
    }

    private static var growingNode: [UInt8] {
        requests { request in
            let texts = (0..<256).map { _ in
                Google_Protobuf_Value(stringValue: String(endless.unicodeScalars.prefix(4096)))
            }
            let list = Google_Protobuf_ListValue.with { $0.values = texts }
            request.node.metadata.fields["IGNORED_FIELDS"] = Google_Protobuf_Value(listValue: list)
        }
    }

    private static var endlessName: [UInt8] {
        var response = Envoy_Service_Discovery_V3_DiscoveryResponse()
        response.typeURL = ResourceKind.listener.typeURL
        response.nonce = "n"
        let listener = Envoy_Config_Listener_V3_Listener.with { $0.name = endless }
        response.resources = [try? Google_Protobuf_Any(packing: listener)].compactMap(\.self)
        let bytes: [UInt8]? = try? response.serializedBytes()
        return FuzzScript.bytes([bytes].compactMap(\.self))
    }
}
