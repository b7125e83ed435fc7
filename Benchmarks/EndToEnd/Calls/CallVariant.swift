// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser

/// Who makes gRPC calls, and by what way they go.
enum CallVariant: String, CaseIterable, ExpressibleByArgument {
    case bare
    case core
    case meshDirect = "mesh-static"
    case meshXDS = "mesh-xds"
    case meshPlugged = "mesh-plugged"
    case envoy = "bare-envoy"
    case grpcio
    case grpcioXDS = "grpcio-xds"

    /// What it is, in words.
    var title: String {
        switch self {
        case .bare: "grpc-swift with its NIO transport"
        case .core: "grpc-swift's client alone, over a transport that answers at once from memory"
        case .meshDirect: "grpc-swift through static:///, on our transport"
        case .meshXDS: "grpc-swift through xds:///, with retries and outlier detection"
        case .meshPlugged: "as mesh-static, on grpc-swift's NIO transport"
        case .envoy: "grpc-swift with its NIO transport through an Envoy"
        case .grpcio: "grpcio, asyncio"
        case .grpcioXDS: "grpcio through xds:///, likewise"
        }
    }

    var isPython: Bool { self == .grpcio || self == .grpcioXDS }

    /// Whom the goals compare it with.
    var baseline: CallVariant? {
        switch self {
        case .bare, .grpcio: nil
        case .core, .meshDirect, .meshPlugged, .envoy: .bare
        case .meshXDS: .meshDirect
        case .grpcioXDS: .grpcio
        }
    }
}
