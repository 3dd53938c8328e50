// Comparisons of whole numbers, element by element, with NumPy's broadcasting: `(logits.argmax(axis: 1) .== labels)` is where
// a classifier is right, and `.tensor.mean()` of it the accuracy.

extension IntTensor {
  public static func .== (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, ==) }
  public static func .!= (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, !=) }
  public static func .< (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, <) }
  public static func .<= (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, <=) }
  public static func .> (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, >) }
  public static func .>= (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, >=) }

  public static func .== (a: IntTensor, b: Int32) -> Mask { a .== IntTensor([b], shape: []) }
  public static func .!= (a: IntTensor, b: Int32) -> Mask { a .!= IntTensor([b], shape: []) }
  public static func .< (a: IntTensor, b: Int32) -> Mask { a .< IntTensor([b], shape: []) }
  public static func .<= (a: IntTensor, b: Int32) -> Mask { a .<= IntTensor([b], shape: []) }
  public static func .> (a: IntTensor, b: Int32) -> Mask { a .> IntTensor([b], shape: []) }
  public static func .>= (a: IntTensor, b: Int32) -> Mask { a .>= IntTensor([b], shape: []) }

  private static func compared(_ a: IntTensor, _ b: IntTensor, _ holds: (Int32, Int32) -> Bool) -> Mask {
    let shape = Tensor.broadcastShape(a.shape, b.shape)
    let (a, b) = (a.expanded(to: shape), b.expanded(to: shape))
    return Mask(zip(a.scalars, b.scalars).map(holds), shape: shape)
  }
}
