import AviaryTensors

extension Layer {
  /// The learned parameters with their paths in this model, frozen ones included, each once and in order (PyTorch's
  /// `named_parameters`). A parameter with several paths (tied weights) has its first one here.
  ///
  /// - Parameter prefix: what the names begin with, for several models in one file: `encoder` makes `encoder.fc.weight`.
  public func namedParameters(under prefix: String = "") -> [(path: String, parameter: Parameter)] {
    inventory.cells.compactMap { entry in
      guard let parameter = entry.cell as? Parameter else { return nil }
      return (prefix.isEmpty ? entry.path : prefix + "." + entry.path, parameter)
    }
  }
}

extension Gradients {
  /// The gradient with respect to a parameter; nil where it is frozen or the result does not depend on it. Setting it
  /// replaces the gradient by one of the same shape; nil removes it, so that no optimizer touches the parameter.
  public subscript(parameter: Parameter) -> Tensor? {
    get { self[parameter.filled] }
    set { replace(newValue, of: parameter.filled, owner: parameter) }
  }

  /// The parameters that have a gradient, each once, in the order in which they were given to `valueWithGradients`.
  public var parameters: [Parameter] {
    var known: Set<ObjectIdentifier> = []
    return owners.compactMap { owner in
      guard let parameter = owner as? Parameter, self[parameter] != nil else { return nil }
      return known.insert(parameter.identity).inserted ? parameter : nil
    }
  }

  /// Replaces the gradient of every parameter, in the order of `parameters`.
  ///
  /// - Parameter transform: returns the new gradient, of the same shape; nil removes it.
  public func mapParameters<Failure>(
    _ transform: (_ parameter: Parameter, _ gradient: Tensor) throws(Failure) -> Tensor?
  ) throws(Failure) -> Gradients {
    var changed = self
    for parameter in parameters {
      if let gradient = self[parameter] { changed[parameter] = try transform(parameter, gradient) }
    }
    return changed
  }
}
