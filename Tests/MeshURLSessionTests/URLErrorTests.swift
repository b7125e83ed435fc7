// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import Testing

@testable import MeshURLSession

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@Suite("An error of the mesh, as URLSession says it")
struct URLErrorTests {
    @Test(arguments: [
        (MeshError.Code.deadlineExceeded, URLError.Code.timedOut), (.noHealthyUpstream, .cannotConnectToHost),
        (.connectionClosed, .networkConnectionLost), (.unknownHost, .cannotFindHost), (.cancelled, .cancelled),
        (.invalidRequest, .badURL), (.protocolViolation, .badServerResponse), (.rateLimited, .resourceUnavailable),
    ])
    func `keeps its meaning, and itself underneath`(code: MeshError.Code, expected: URLError.Code) throws {
        let url = try #require(URL(string: "http://reviews/"))
        let error = URLError(MeshError(code, origin: .local, message: "because"), url: url)
        #expect(error.code == expected)
        #expect((error.userInfo[NSUnderlyingErrorKey] as? MeshError)?.code == code)
    }
}
