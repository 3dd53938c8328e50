import Aviary

// A convolution is a product of matrices: its windows, unfolded into columns (im2col), by its weight as a matrix. Prints each
// claim, and exits with an error if one is wrong.

func check(_ claim: String, _ holds: Bool) {
  print(holds ? "right:" : "WRONG:", claim)
  if !holds { fatalError(claim) }
}

/// [N, C, H, W] by [O, C, K, L] → [N, O, …], as a product of [O, C·K·L] and [N, C·K·L, windows].
func convolutionByProduct(_ x: Tensor, _ weight: Tensor, stride: [Int], padding: [Int]) -> Tensor {
  let kernel = Array(weight.shape.dropFirst(2))
  let columns = unfold(x, kernel: kernel, stride: stride, padding: padding)
  let size = (0..<2).map { axis -> Int in
    let room = x.shape[axis + 2] + 2 * padding[axis] - kernel[axis]
    return room / stride[axis] + 1
  }
  return matmul(weight.flattened(), columns).reshaped(to: [x.shape[0], weight.shape[0]] + size)
}

let x = Tensor(normal: 0, seed: 1, shape: [2, 3, 9, 8])
let weight = Tensor(normal: 0, seed: 2, shape: [4, 3, 3, 2])
let product = convolutionByProduct(x, weight, stride: [2, 1], padding: [1, 1])
let direct = convolution(x, weight: weight, stride: [2, 1], padding: [1, 1], dilation: [1, 1])
check(
  "a convolution is im2col times a matrix",
  allClose(product, direct, relative: 1e-4, absolute: 1e-4))

// fold adds the columns up again: each element as often as there are windows over it.
let ones = Tensor(onesLike: x)
let often = fold(unfold(ones, kernel: [3, 3]), size: [9, 8], kernel: [3, 3])
check(
  "col2im adds overlapping windows up",
  often[0, 0, 0, 0].scalar == 1 && often[0, 0, 4, 4].scalar == 9)

// What deep learning calls a convolution is a correlation: (w ⋆ x)[i] = Σ w[k]·x[i + k]. The mathematician's convolution,
// (w ∗ x)[i] = Σ w[k]·x[i − k], has the kernel turned by 180°. It commutes, and the correlation does not.
func correlation(_ x: Tensor, _ kernel: Tensor) -> Tensor {
  let padding = kernel.shape.map { $0 - 1 }
  return convolution(
    x[.newAxis, .newAxis], weight: kernel[.newAxis, .newAxis], stride: [1, 1], padding: padding,
    dilation: [1, 1])[0, 0]
}
func turned(_ kernel: Tensor) -> Tensor { kernel.reversed(axes: [0, 1]) }
func mathematicians(_ x: Tensor, _ kernel: Tensor) -> Tensor { correlation(x, turned(kernel)) }

/// By the definition, element by element.
func definition(_ x: Tensor, _ kernel: Tensor) -> Tensor {
  var y = Tensor(zeros: zip(x.shape, kernel.shape).map { $0 + $1 - 1 })
  for row in 0..<kernel.shape[0] {
    for column in 0..<kernel.shape[1] {
      let after = (kernel.shape[0] - 1 - row, kernel.shape[1] - 1 - column)
      y += x.padded([(row, after.0), (column, after.1)]) * kernel[row, column]
    }
  }
  return y
}

let image = x[0, 0]
let kernel = weight[0, 0]
let full = mathematicians(image, kernel)
check(
  "turning the kernel makes the mathematician's convolution",
  allClose(full, definition(image, kernel), absolute: 1e-4))
check("that convolution commutes", allClose(full, mathematicians(kernel, image), absolute: 1e-4))
check(
  "the correlation does not, but its two results are each other turned",
  !allClose(correlation(image, kernel), correlation(kernel, image), absolute: 1e-4)
    && allClose(correlation(image, kernel), turned(correlation(kernel, image)), absolute: 1e-4))
