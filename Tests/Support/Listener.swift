import Foundation
import Synchronization

/// A port of this machine, and the connections to it, each on a thread of its own.
///
/// The system gives a descriptor's number to the next who opens something, so that whoever closes a number twice, or shuts it
/// down when it is closed, ends the socket of another test. Here it is shut down once, and closed by the only thread that
/// uses it, when that has happened.
final class Listener: Sendable {
  let port: UInt16
  private let socket: Int32
  private let over = Mutex(false)

  init() throws {
    // Programs that tests start do not keep the port.
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, size) == 0 && listen(socket, 128) == 0 && getsockname(socket, $0, &size) == 0
      }
    }
    guard isBound else {
      close(socket)
      throw POSIXError(.EADDRNOTAVAIL)
    }
    self.socket = socket
    port = UInt16(bigEndian: address.sin_port)
  }

  /// Takes connections until it is stopped, which has to happen some time. To be called once.
  ///
  /// - Parameter answer: uses a connection, which is closed afterwards.
  func start(_ answer: @escaping @Sendable (_ connection: Int32) -> Void) {
    Thread {
      while !self.isOver {
        let connection = accept(self.socket, nil, nil)
        // A signal, a client that has gone, or a process that has as many files open as it may: none is the port's end.
        guard connection >= 0 else {
          if !self.isOver { usleep(10_000) }
          continue
        }
        Thread {
          answer(connection)
          close(connection)
        }.start()
      }
      close(self.socket)
    }.start()
  }

  var isOver: Bool { over.withLock { $0 } }

  /// Takes no more connections.
  func stop() {
    over.withLock { isOver in
      // Under the lock, so that it is not closed before.
      if !isOver { shutdown(socket, Int32(SHUT_RDWR)) }
      isOver = true
    }
  }
}
