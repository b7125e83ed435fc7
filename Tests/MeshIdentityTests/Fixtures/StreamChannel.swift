// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOEmbedded

/// A channel that lives on another one, as the streams of HTTP/2 do: a pipeline of its own, and a parent.
final class StreamChannel: Channel {
    let parent: (any Channel)?
    private let inner: NIOAsyncTestingChannel

    init(of connection: NIOAsyncTestingChannel) {
        self.parent = connection
        self.inner = NIOAsyncTestingChannel(loop: connection.testingEventLoop)
    }

    var allocator: ByteBufferAllocator { inner.allocator }
    var closeFuture: EventLoopFuture<Void> { inner.closeFuture }
    var pipeline: ChannelPipeline { inner.pipeline }
    var localAddress: SocketAddress? { inner.localAddress }
    var remoteAddress: SocketAddress? { inner.remoteAddress }
    var isWritable: Bool { inner.isWritable }
    var isActive: Bool { inner.isActive }
    var eventLoop: any EventLoop { inner.eventLoop }
    var _channelCore: any ChannelCore { inner._channelCore }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        inner.setOption(option, value: value)
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        inner.getOption(option)
    }
}
