// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

@testable import MeshXDS

extension FuzzTarget {
    private typealias Response = Envoy_Service_Discovery_V3_DiscoveryResponse
    private typealias DeltaResponse = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse
    private typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
    private typealias DeltaRequest = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest

    /// What is said on streams: several messages one after another, to one machine.
    static let streams: [FuzzTarget] = [
        FuzzTarget("responses", .message, samples: responseScripts) { bytes in
            try converse(bytes, .stateOfTheWorld) { ADSResponse(try Response(serializedBytes: $0)) }
        },
        FuzzTarget("delta-responses", .message, samples: deltaResponseScripts) { bytes in
            try converse(bytes, .delta) { ADSResponse(try DeltaResponse(serializedBytes: $0)) }
        },
        FuzzTarget("requests", .message, samples: requestScripts) { bytes in
            try await serve(bytes, .stateOfTheWorld) { stream, bytes, now in
                try await stream.requestReceived(Request(serializedBytes: bytes), at: now).map {
                    try Response($0).serializedBytes() as [UInt8]
                }
            }
        },
        FuzzTarget("delta-requests", .message, samples: deltaRequestScripts) { bytes in
            try await serve(bytes, .incremental) { stream, bytes, now in
                try await stream.requestReceived(DeltaRequest(serializedBytes: bytes), at: now).map {
                    try DeltaResponse($0).serializedBytes() as [UInt8]
                }
            }
        },
        FuzzTarget("status-requests", .message, samples: statusRequests) { bytes in
            let question = try Envoy_Service_Status_V3_ClientStatusRequest(serializedBytes: bytes)
            _ = try InventoryStatus(inventory: inventory).answer(question)
        },
        FuzzTarget("load-requests", .message, samples: loadRequests) { bytes in
            let wish = LoadStatisticsWish(try Envoy_Service_LoadStats_V3_LoadStatsResponse(serializedBytes: bytes))
            let bounds = LoadStatisticsWish.minimumInterval...LoadStatisticsWish.maximumInterval
            try FuzzViolation.require(bounds.contains(wish.interval), "an interval of \(wish.interval)")
        },
        FuzzTarget("rate-limits", .message, samples: rateLimits) { bytes in
            _ = RateLimitVerdict(try Envoy_Service_Ratelimit_V3_RateLimitResponse(serializedBytes: bytes))
        },
    ]

    // MARK: - The client's machine

    private static func converse(
        _ script: [UInt8],
        _ variant: XDSVariant,
        read: ([UInt8]) throws -> ADSResponse?
    ) throws {
        var machine = ADSSessionStateMachine(servers: [.init(variant: variant)], runtimeLayers: [layerName])
        var opening = StreamOpening(node: .init(id: "fuzzed"))
        var now = MeshInstant(nanoseconds: 1_000_000_000)
        var stream: ADSServer.StreamID?
        var isRefused = false
        var length = 0
        for message in FuzzScript.messages(of: script).prefix(64) {
            now = now.advanced(by: .seconds(1))
            if stream == nil { stream = machine.streamOpened(to: 0, at: now) }
            guard let open = stream else { return }
            for request in machine.nextRequests(on: open, at: now) { length += try word(request, &opening) }
            guard let response = try? read(message) else {
                // gRPC ends the stream over bytes that are no message.
                machine.streamEnded(stream, to: 0, at: now)
                stream = nil
                isRefused = true
                continue
            }
            let action = machine.responseReceived(response, on: open, at: now)
            if action.refusal != nil { isRefused = true }
            try check(action, machine)
            if message.count % 7 == 0 {
                now = now.advanced(by: .seconds(16))
                try check(machine.timePassed(at: now), machine)
            }
        }
        try FuzzViolation.require(length <= 64 * (script.count + 1 << 17), "requests of \(length) bytes")
        if isRefused { throw ConfigurationError(path: "", "something was refused") }
    }

    private static func word(_ request: ADSRequest, _ opening: inout StreamOpening) throws -> Int {
        let bytes: [UInt8]
        switch request {
        case .stateOfTheWorld(let request): bytes = try opening.word(request, ignoring: []).serializedBytes()
        case .delta(let request): bytes = try opening.word(request, ignoring: []).serializedBytes()
        }
        return bytes.count
    }

    private static func check(_ action: ADSSessionStateMachine.Action, _ machine: ADSSessionStateMachine) throws {
        if let refusal = action.refusal {
            let bound = ResponseIntake.maximumRefusalLength + 8192
            try FuzzViolation.require(refusal.utf8.count <= bound, "a refusal of \(refusal.utf8.count) bytes")
        }
        guard let resources = action.publication else { return }
        do {
            try resources.validate()
        } catch {
            throw FuzzViolation(message: "an invalid configuration is published: \(error)")
        }
        // It comes back from the disk as it is.
        let snapshot = ResourceSnapshot(takenAt: .seconds(1), entries: machine.snapshotEntries)
        let read = try? SnapshotFormat.decode(SnapshotFormat.encode(snapshot))
        try FuzzViolation.require(read == snapshot, "a snapshot is read as another one")
    }

    // MARK: - The server's machine

    private static let cache: SnapshotCache = {
        let cache = SnapshotCache { _ in "all" }
        _ = try? cache.publish(Fixtures.mesh, to: "all")
        return cache
    }()
    private static let groups = EncodedGroups()

    private static func serve(
        _ script: [UInt8],
        _ form: ADSServerStreamStateMachine.Form,
        answer: (inout DiscoveryStream, [UInt8], MeshInstant) async throws -> [[UInt8]]
    ) async throws {
        var stream = DiscoveryStream(number: 1, form: form, provider: cache, groups: groups)
        defer { cache.noticed(.disconnected(stream: 1)) }
        var now = MeshInstant(nanoseconds: 1_000_000_000)
        for message in FuzzScript.messages(of: script).prefix(64) {
            now = now.advanced(by: .milliseconds(400))
            let length = try await answer(&stream, message, now).reduce(0) { $0 + $1.count }
            // A client may be told that each of its names does not exist.
            try FuzzViolation.require(length <= 1 << 16 + message.count * 16, "responses of \(length) bytes")
            if let deadline = stream.deadline, now >= deadline { _ = stream.timePassed(at: now) }
        }
        // What a client says of itself is kept as long as it is there.
        for client in cache.inventory.clients {
            let fields = client.ignoredFields.reduce(0) { $0 + $1.utf8.count }
            try FuzzViolation.require(fields <= 256 << 10, "fields without effect of \(fields) bytes are kept")
            let reason = client.kinds.values.compactMap(\.reason?.utf8.count).max() ?? 0
            try FuzzViolation.require(reason <= 8192, "a reason of \(reason) bytes is kept")
        }
        _ = try InventoryStatus(inventory: cache.inventory).answer(.init())
    }

    private static let inventory: ClientInventory = {
        let inventory = ClientInventory()
        for (number, name) in ["a", "b"].enumerated() {
            let node = XDSNode(id: name, metadata: ["NAMESPACE": .text(name), "LABELS": .fields(["app": .text("x")])])
            inventory.noticed(.connected(stream: UInt64(number), node))
        }
        return inventory
    }()

    // MARK: - Samples

    private static let wrapped: [(ResourceKind, PackedResource)] = ADSSessionStateMachine.order.flatMap { kind in
        // Those that refer to each other come first, so that something is published.
        let all = Array(Fixtures.packed(Fixtures.mesh, kind).values) + (packedResources[kind] ?? [])
        // A response that has a name twice is refused.
        var names: Set<String> = []
        let named = all.filter { ResourceDecoder().decode($0, as: kind).name.map { names.insert($0).inserted } ?? true }
        return named.prefix(13).map { (kind, $0) }
    }

    /// The layer of the runtime that every script brings.
    private static let layerName =
        wrapped.first { $0.0 == .runtimeLayer }.flatMap { ResourceDecoder().decode($0.1, as: .runtimeLayer).name }
        ?? "layer"

    private static func scripts(_ message: (ResourceKind, [PackedResource], Int) throws -> [UInt8]) -> [[UInt8]] {
        (0..<12).compactMap { number in
            try? FuzzScript.bytes(
                ADSSessionStateMachine.order.map { kind in
                    let all = wrapped.filter { $0.0 == kind }.map(\.1)
                    return try message(kind, [all[0]] + all.dropFirst(number).prefix(number % 3), number)
                }
            )
        }
    }

    private static let responseScripts = scripts { kind, resources, number in
        try Response.with {
            $0.typeURL = kind.typeURL
            $0.versionInfo = "\(number)"
            $0.nonce = "n\(number)"
            $0.resources = resources.map { .init(typeName: $0.typeName, bytes: $0.bytes) }
            if number % 4 == 3 {
                $0.resourceErrors = [
                    .with {
                        $0.resourceName.name = "c"
                        $0.errorDetail.code = Int32(5 + number % 3)
                        $0.errorDetail.message = "why"
                    }
                ]
            }
        }.serializedBytes()
    }

    private static let deltaResponseScripts = scripts { kind, resources, number in
        try DeltaResponse.with {
            $0.typeURL = kind.typeURL
            $0.nonce = "n\(number)"
            $0.resources = resources.map { resource in
                .with {
                    $0.name = ResourceDecoder().decode(resource, as: kind).name ?? "x"
                    $0.version = "\(number)"
                    $0.resource = .init(typeName: resource.typeName, bytes: resource.bytes)
                    if number % 3 == 1 { $0.ttl = .init(seconds: 1, nanos: 0) }
                }
            }
            $0.removedResources = number % 4 == 2 ? ["c", "gone"] : []
        }.serializedBytes()
    }

    private static let node = Envoy_Config_Core_V3_Node(
        Bootstrap.Node(
            id: "n",
            cluster: "c",
            metadata: ["LABELS": .fields(["a": .text("b")]), "IGNORED_FIELDS": .list([.text("x")])]
        )
    )

    private static let requestScripts: [[UInt8]] = (0..<6).compactMap { number in
        try? FuzzScript.bytes(
            (0..<8).map { position in
                try Request.with {
                    if position == 0 { $0.node = node }
                    if number % 3 == 1 { $0.node.userAgentName = "gRPC C-core" }
                    if number % 3 == 2 { $0.node.userAgentName = "envoy" }
                    $0.typeURL = ADSSessionStateMachine.order[position % 4].typeURL
                    let inbound = "xds.istio.io/grpc/lds/inbound/1.2.3.4:80"
                    $0.resourceNames = position % 4 == 0 ? [inbound] : ["c", "r", "x"]
                    if position >= 4 { ($0.versionInfo, $0.responseNonce) = ("1", "\(position - 3)") }
                    if position == 6 { $0.errorDetail.message = "bad" }
                }.serializedBytes()
            }
        )
    }

    private static let deltaRequestScripts: [[UInt8]] = (0..<6).compactMap { number in
        try? FuzzScript.bytes(
            (0..<8).map { position in
                try DeltaRequest.with {
                    if position == 0 { $0.node = node }
                    if number % 3 == 1 { $0.node.userAgentName = "envoy" }
                    $0.typeURL = ADSSessionStateMachine.order[position % 4].typeURL
                    $0.resourceNamesSubscribe = position < 4 ? ["c", "r", "*"] : ["y"]
                    $0.resourceNamesUnsubscribe = position == 5 ? ["*", "c"] : []
                    if number > 3 { $0.initialResourceVersions = ["c": "1", "z": "2"] }
                    if position >= 4 { $0.responseNonce = "\(position - 3)" }
                    if position == 6 { $0.errorDetail.message = "bad" }
                }.serializedBytes()
            }
        )
    }

    private static let statusRequests: [[UInt8]] = [
        try? Envoy_Service_Status_V3_ClientStatusRequest.with {
            $0.nodeMatchers = [
                .with { $0.nodeID.exact = "a" },
                .with {
                    $0.nodeMetadatas = [
                        .with {
                            $0.path = [.with { $0.key = "LABELS" }, .with { $0.key = "app" }]
                            $0.value.stringMatch.safeRegex.regex = "x|y.*"
                        }
                    ]
                },
            ]
            $0.excludeResourceContents = true
        }.serializedBytes()
    ].compactMap(\.self)

    private static let loadRequests: [[UInt8]] = [
        try? Envoy_Service_LoadStats_V3_LoadStatsResponse.with {
            $0.clusters = ["c", "d"]
            $0.loadReportingInterval = .init(seconds: 10, nanos: 1)
            $0.reportEndpointGranularity = true
        }.serializedBytes()
    ].compactMap(\.self)

    private static let rateLimits: [[UInt8]] = [
        try? Envoy_Service_Ratelimit_V3_RateLimitResponse.with {
            $0.overallCode = .overLimit
            $0.statuses = [
                .with {
                    $0.code = .ok
                    $0.currentLimit.requestsPerUnit = 7
                    $0.currentLimit.unit = .minute
                    $0.limitRemaining = 3
                    $0.durationUntilReset = .init(seconds: 7, nanos: 0)
                }
            ]
            $0.responseHeadersToAdd = [.with { ($0.key, $0.value) = ("x-a", "b") }]
            $0.dynamicMetadata.fields = ["a": .init(stringValue: "b")]
        }.serializedBytes()
    ].compactMap(\.self)
}
