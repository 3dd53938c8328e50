#if Server
  import AviaryPlatform
  import NIOCore

  /// Why the server cannot listen where it is asked to.
  package enum ListeningFault: Error, Equatable, CustomStringConvertible {
    /// Another program listens there.
    case taken(host: String, port: Int)
    /// The system does not let the user listen at the port.
    case forbidden(port: Int)
    /// The host is an address, and no address of this machine.
    case elsewhere(host: String)
    /// The host is not an address, nor a name of one.
    case unknownHost(String)

    /// nil for a fault of another kind.
    init?(_ fault: any Error, host: String, port: Int) {
      if fault is SocketAddressError.UnknownHost {
        self = .unknownHost(host)
      } else if let fault = fault as? IOError {
        self.init(code: fault.errnoCode, host: host, port: port)
      } else {
        return nil
      }
    }

    /// - Parameter code: why the system did not give the address.
    init?(code: CInt, host: String, port: Int) {
      switch code {
      case EADDRINUSE: self = .taken(host: host, port: port)
      case EACCES, EPERM: self = .forbidden(port: port)
      case EADDRNOTAVAIL: self = .elsewhere(host: host)
      default: return nil
      }
    }

    package var description: String {
      switch self {
      case .taken(let host, let port):
        "port \(port) of \(host) is taken by another program; choose another with --port, or any that is free with --port 0"
      case .forbidden(let port):
        "the system does not let this user listen at port \(port); choose another with --port, from 1024 on"
      case .elsewhere(let host):
        "--host \(host) is not an address of this machine; give 127.0.0.1 for programs on it, or 0.0.0.0 for every network"
      case .unknownHost(let host):
        "--host '\(host.prefix(80))' is neither an address nor a known name; give 127.0.0.1 for programs on this machine, or 0.0.0.0 for every network"
      }
    }
  }
#endif
