// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct MeshErrorTests {
    @Test func `a description says what happened, where, and what is underneath`() {
        struct Refused: Error {}
        var error = MeshError(
            .connectionClosed,
            origin: .upstream,
            requestState: .maybeSent,
            message: "it closed",
            cause: Refused()
        )
        error.route = "default"
        error.cluster = "reviews-v1"
        error.endpoint = EndpointAddress(host: "10.0.0.1", port: 9080)
        error.attempt = 2
        #expect(
            "\(error)"
                == "connectionClosed [UC]: it closed; route default; cluster reviews-v1; endpoint 10.0.0.1:9080; "
                + "attempt 2; request maybeSent; cause: Refused()"
        )
        #expect("\(MeshError(.directResponse, origin: .local, message: "x"))" == "directResponse [-]: x")
    }

    static let codes: [(MeshError.Code, String, Int)] = [
        (MeshError.Code.noRoute, "NR", 404), (.unknownHost, "NR", 502), (.clusterNotFound, "NC", 503),
        (.noHealthyUpstream, "UH", 503), (.connectionFailed, "UF", 503), (.connectionClosed, "UC", 503),
        (.attemptTimeout, "UT", 504), (.deadlineExceeded, "DT", 504), (.overflow, "UO", 503),
        (.circuitOpen, "UO", 503), (.rateLimited, "RL", 429), (.retriesExhausted, "URX", 503),
        (.faultInjected, "FI", 503), (.unauthorized, "UAEX", 403), (.cancelled, "DC", 499),
        (.invalidRequest, "DPE", 400), (.protocolViolation, "UPE", 502), (.notReady, "UH", 503),
    ]

    @Test(arguments: codes)
    func `each code has Envoy's flag and status`(code: MeshError.Code, flag: String, status: Int) {
        #expect(MeshError(code, origin: .local, message: "").shortCode == flag)
        #expect(code.httpStatus == status)
    }
}
